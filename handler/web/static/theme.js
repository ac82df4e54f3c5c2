// A classic script, not a module, so that it sets the theme before the first paint.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme");
  const shown = () => chosen() ?? (dark.matches ? "dark" : "light");

  const show = () => {
    if (chosen()) root.dataset.theme = chosen();
    else delete root.dataset.theme;
    document.getElementById("theme")?.setAttribute("aria-label", `Theme: ${shown()}. Switch theme`);
    root.dispatchEvent(new Event("themechange"));
  };

  show();
  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      const next = shown() === "dark" ? "light" : "dark";
      // If the choice is the system's own theme, the page follows the system again.
      if (next === (dark.matches ? "dark" : "light")) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
      show();
    });
  });
})();
