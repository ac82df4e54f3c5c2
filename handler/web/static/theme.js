// Not a module: it is run before the first paint, so that nobody is dazzled.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme");
  const shown = () => chosen() ?? (dark.matches ? "dark" : "light");

  const show = () => {
    if (chosen()) root.dataset.theme = chosen();
    else delete root.dataset.theme;
    document.getElementById("theme")?.setAttribute("aria-label", `Theme: ${shown()}. Change it`);
    root.dispatchEvent(new Event("themechange"));
  };

  show();
  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      const next = shown() === "dark" ? "light" : "dark";
      // What the system says anyway is not a choice: it is followed again.
      if (next === (dark.matches ? "dark" : "light")) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
      show();
    });
  });
})();
