// The choice of a pipeline, which the browser remembers.

import { byId, h } from "./dom.js";

const STORAGE_KEY = "pipeline";

/** Show the pipelines; returns a function that returns the name of the chosen one. */
export async function showPipelines(api) {
  const pipelines = await api.pipelines();
  const last = localStorage.getItem(STORAGE_KEY);
  const chosen = pipelines.some(({ name }) => name === last) ? last : (pipelines.find(({ name }) => name === "web") ?? pipelines[0])?.name;
  const choice = ({ name, description }) =>
    h("label.choice", {},
      h("input", { type: "radio", name: "pipeline", value: name, checked: name === chosen, onchange: () => localStorage.setItem(STORAGE_KEY, name) }),
      h("strong", {}, name), h("span", {}, description.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part))));
  byId("pipelines").append(h("div.choices", {}, pipelines.map(choice)));
  document.querySelector("input[name=pipeline]:checked")?.closest("label").scrollIntoView({ block: "nearest", inline: "center" });
  return () => document.querySelector("input[name=pipeline]:checked")?.value;
}
