// Shows the choices of our drop-downs in the language of the front end, which translates names and tooltips only.
// The values that are saved and sent stay what they are.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";

let nodes = {};

app.registerExtension({
  name: "ddgi.options",

  async setup() {
    const language = app.extensionManager.setting.get("Comfy.Locale");
    const translations = await (await api.fetchApi("/i18n")).json();
    nodes = translations[language]?.nodeDefs ?? {};
  },

  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("DDGI")) return;
    for (const widget of node.widgets ?? []) label(node.comfyClass, widget);
  },
});

function label(nodeId, widget) {
  const choices = nodes[nodeId]?.inputs?.[widget.name.replaceAll(".", "_")]?.options;
  if (choices) widget.options.getOptionLabel = (value) => choices[value] ?? value ?? "";
}
