// A 3D head that is turned by hand on DDGI Render Face. The view goes to the camera that is connected.

import { app } from "../../../scripts/app.js";
import { addPane, element, grow, keepChange, onRun } from "./element.js";
import { FollowPane } from "./follow.js";
import { View } from "./view.js";

const CLOSED = 28, OPEN = 340;
const CAMERA_GAP = 60; // pixels between a new camera and the node

app.registerExtension({
  name: "ddgi.turn",

  nodeCreated(node) {
    if (node.comfyClass === "DDGIRender") new Turntable(node);
  },
});

class Turntable {
  constructor(node) {
    this.node = node;
    this.view = new View(() => this.#camera());
    this.pane = new FollowPane({ hint: "", view: this.view });
    this.bar = element("div", { className: "turn-bar" });
    this.toggle = element("button", { type: "button", onclick: () => this.#show(!this.isOpen) });
    this.keep = element("button", { type: "button", textContent: "keep this view", onclick: () => this.#addCamera() });
    this.keep.title = "Adds a DDGI Camera with this view, for the next run";
    this.bar.append(this.toggle, this.keep);
    this.pane.root.prepend(this.bar);
    this.pane.root.hidden = true;
    const height = () => (this.pane.root.hidden ? 0 : this.isOpen ? OPEN : CLOSED);
    addPane(node, "head_seen", this.pane.root, height, () => this.pane.close());
    onRun(node, ({ ddgi_live }) => this.#take(ddgi_live?.[0]));
  }

  get isOpen() {
    return this.node.properties.ddgi_turning === true;
  }

  /** session: none of a 2D generator, whose faces do not turn. */
  #take(session) {
    this.session = session;
    this.pane.root.hidden = !session;
    this.#show(this.isOpen);
  }

  #show(isOpen) {
    this.node.properties.ddgi_turning = isOpen;
    this.toggle.textContent = isOpen ? "close" : "turn the head";
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    this.keep.hidden = !isOpen || this.#isLinked();
    if (isOpen && this.session) this.pane.open(this.session);
    else this.pane.close();
    grow(this.node);
  }

  #input() {
    return this.node.inputs.findIndex((input) => input.name === "cameras");
  }

  #isLinked() {
    return this.node.inputs[this.#input()]?.link != null;
  }

  #camera() {
    return this.#isLinked() ? this.node.getInputNode(this.#input()) : null;
  }

  #addCamera() {
    const values = this.view.values();
    const camera = LiteGraph.createNode("DDGICamera");
    this.node.graph.add(camera);
    camera.pos = [this.node.pos[0] - camera.size[0] - CAMERA_GAP, this.node.pos[1] + this.node.size[1] / 2];
    for (const widget of camera.widgets) widget.value = values[widget.name] ?? widget.value;
    camera.connect(0, this.node, this.#input());
    this.keep.hidden = true;
    keepChange();
  }
}

document.head.append(element("style", { textContent: `
.ddgi-face .turn-bar { display: flex; gap: 3px; width: 100%; }
.ddgi-face .turn-bar button:first-child { flex: 1; }
` }));
