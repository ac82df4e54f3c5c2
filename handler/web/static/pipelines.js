// What the pictures are to become: one of the pipelines, remembered from the last time.

import { find, h } from "./dom.js";

const REMEMBERED = "pipeline";

/** Show the choice; returns a function that tells the name of the chosen one. */
export async function showPipelines(api) {
  const pipelines = await api.pipelines();
  const last = localStorage.getItem(REMEMBERED);
  const chosen = pipelines.some(({ name }) => name === last) ? last : (pipelines.find(({ name }) => name === "web") ?? pipelines[0])?.name;
  const choice = ({ name, description }) =>
    h("label.choice", {},
      h("input", { type: "radio", name: "pipeline", value: name, checked: name === chosen, onchange: () => localStorage.setItem(REMEMBERED, name) }),
      h("strong", {}, name), h("span", {}, description.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part))));
  find("pipelines").append(h("div.choices", {}, pipelines.map(choice)));
  document.querySelector("input[name=pipeline]:checked")?.closest("label").scrollIntoView({ block: "nearest", inline: "center" });
  return () => document.querySelector("input[name=pipeline]:checked")?.value;
}
