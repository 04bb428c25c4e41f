// The face on DDGI Edit Face, which follows the sliders, and the looks that were saved on the node.

import { app } from "../../../scripts/app.js";
import { addPane, button, element, grow, keepChange, onRun, widgetOf } from "./element.js";
import { FollowPane } from "./follow.js";
import { View } from "./view.js";

const HEIGHT = 300;
const STRENGTH = /^strength_\d+$/;

app.registerExtension({
  name: "ddgi.sliders",

  nodeCreated(node) {
    if (node.comfyClass === "DDGIEditFace") new Sliders(node);
  },
});

class Sliders {
  constructor(node) {
    this.node = node;
    this.names = [];
    this.pane = new FollowPane({ hint: "", request: () => ({ strengths: this.#strengths() }), view: new View() });
    this.looks = element("div", { className: "looks" });
    this.choice = element("select", { title: "A saved look" });
    this.choice.setAttribute("aria-label", "A saved look");
    this.choice.onchange = () => this.#put(this.#saved[this.choice.value]);
    this.looks.append(this.choice, button("save", "Save the sliders as a look", () => this.#save()),
      button("delete", "Delete the chosen look", () => this.#delete()),
      button("all to 0", "The face as it came", () => this.#put({})));
    this.pane.root.append(this.looks);
    this.pane.root.hidden = true;
    const height = () => (this.pane.root.hidden ? 0 : HEIGHT);
    addPane(node, "face_seen", this.pane.root, height, () => this.pane.close());
    onRun(node, ({ ddgi_live, ddgi_sliders }) => ddgi_live && this.open(ddgi_live[0], ddgi_sliders));
  }

  /** sliders: [widget, name of its direction] of each that is connected. */
  open(session, sliders) {
    this.names = sliders.map(([name]) => name);
    for (const [name, direction] of sliders) {
      const widget = widgetOf(this.node, name);
      if (widget) widget.label = direction;
    }
    this.pane.root.hidden = false;
    this.#list();
    grow(this.node);
    this.pane.open(session);
  }

  #strengths() {
    return this.names.map((name) => Number(widgetOf(this.node, name)?.value ?? 0));
  }

  get #saved() {
    return this.node.properties.ddgi_looks ?? {};
  }

  #list(chosen = "") {
    this.choice.replaceChildren(new Option("looks…", ""), ...Object.keys(this.#saved).map((name) => new Option(name, name)));
    this.choice.value = chosen;
  }

  /** look: strengths by widget; a slider that it does not name goes to 0. */
  #put(look) {
    if (!look) return;
    for (const widget of this.node.widgets.filter(({ name }) => STRENGTH.test(name))) {
      widget.value = look[widget.name] ?? 0;
      widget.callback?.(widget.value);
    }
    this.pane.ask();
    keepChange();
  }

  async #save() {
    const name = (await app.extensionManager.dialog.prompt({ title: "Save look", message: "Its name:" }))?.trim();
    if (!name) return;
    const widgets = this.node.widgets.filter((widget) => STRENGTH.test(widget.name));
    const look = Object.fromEntries(widgets.map((widget) => [widget.name, widget.value]));
    this.node.properties.ddgi_looks = { ...this.#saved, [name]: look };
    this.#list(name);
    keepChange();
  }

  #delete() {
    const { [this.choice.value]: gone, ...others } = this.#saved;
    if (!gone) return;
    this.node.properties.ddgi_looks = others;
    this.#list();
    keepChange();
  }
}

document.head.append(element("style", { textContent: `
.ddgi-face .looks { display: flex; gap: 3px; width: 100%; }
.ddgi-face .looks select { flex: 1; min-width: 0; }
` }));
