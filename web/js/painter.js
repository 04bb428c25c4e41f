// The painter on DDGI Paint Mask and DDGI Live Face: its value is the drawing as a PNG in a data URL, "" where nothing
// is painted. Colours and examples come with the widget's description from nodes/paint.py.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { ClassCanvas, SIDE } from "./canvas.js";
import { button, element, keepChange, onRun, widgetOf } from "./element.js";
import { FollowPane } from "./follow.js";
import { View } from "./view.js";

const SCRIBBLE = [["paper", "#ffffff"], ["line", "#000000"]];
const TOOLS = [
  ["brush", "Brush (B)", "b"],
  ["fill", "Fill an area (F)", "f"],
  ["push", "Push a border: paint with what the stroke begins on (P)", "p"],
  ["erase", "Eraser (E)", "e"],
];
const SENT = ["kind", "prompt", "seed", "strength"]; // with each request for a face
const WIDEST = 160;
const MOST_ZOOM = 6;

let serial = 0;

app.registerExtension({
  name: "ddgi.painter",
  getCustomWidgets: () => ({ DDGI_PAINTER: makeWidget }),
});

function makeWidget(node, name, spec) {
  const options = spec?.[1] ?? {};
  const painter = new Painter(node, options);
  const widget = node.addDOMWidget(name, `DDGI_PAINTER#${++serial}`, painter.root, {
    getValue: () => painter.value,
    setValue: (value) => painter.load(value ?? ""),
    getMinHeight: () => 420,
    hideOnZoom: false,
    socketless: true,
  });
  const removed = widget.onRemove;
  widget.onRemove = function () {
    painter.close();
    removed?.call(this);
  };
  return { widget, minWidth: options.live ? 720 : 420, minHeight: 560 };
}

export class Painter {
  constructor(node, { classes = SCRIBBLE, examples = [], live = false }) {
    this.node = node;
    this.sets = { mask: this.#set(classes), scribble: this.#set(SCRIBBLE) };
    this.value = "";
    this.tool = "brush";
    this.size = 28;
    this.zoom = 1;
    this.chosen = 1;
    this.#build(examples);
    if (live) this.#addFace();
    this.show();
  }

  #set(classes) {
    const colours = classes.map(([, hex]) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return { classes, canvas: new ClassCanvas(colours) };
  }

  get kind() {
    return widgetOf(this.node, "kind")?.value ?? "mask";
  }

  get set() {
    return this.sets[this.kind] ?? this.sets.mask;
  }

  get canvas() {
    return this.set.canvas;
  }

  #build(examples) {
    this.root = element("div", { className: "ddgi-painter", tabIndex: 0, role: "group" });
    this.root.setAttribute("aria-label", "Painter");
    this.root.type = "textarea"; // the front end then leaves Ctrl+Z to us
    this.root.dataset.captureWheel = "true";
    this.root.append(element("style", { textContent: STYLE }));
    const bar = element("div", { className: "bar", role: "toolbar" });
    this.tools = Object.fromEntries(TOOLS.map(([name, title]) => [name, button(name, title, () => this.#use(name))]));
    this.mirror = button("mirror", "Mirror: paint both halves of the face (M)", () => this.#toggleMirror());
    const size = element("input", { type: "range", min: 2, max: WIDEST, value: this.size, title: "Brush size ([ and ])" });
    size.setAttribute("aria-label", "Brush size");
    size.oninput = () => (this.size = Number(size.value));
    this.sizeInput = size;
    const opacity = element("input", { type: "range", min: 10, max: 100, value: 100, title: "Opacity over the backdrop" });
    opacity.setAttribute("aria-label", "Opacity over the backdrop");
    opacity.oninput = () => (this.view.style.opacity = opacity.value / 100);
    this.opacity = opacity;
    const example = element("select", { title: "Begin with an example" });
    example.setAttribute("aria-label", "Begin with an example");
    example.append(new Option("examples…", ""), ...examples.map((name) => new Option(name.replaceAll("_", " "), name)));
    example.onchange = () => {
      if (example.value) this.#takeExample(example.value);
      example.value = "";
    };
    bar.append(...Object.values(this.tools), this.mirror, size,
      button("undo", "Undo (Ctrl+Z)", () => this.#move("undo")), button("redo", "Redo (Ctrl+Shift+Z)", () => this.#move("redo")),
      button("clear", "Clear the canvas", () => this.#clear()), opacity, example);
    this.bar = bar;
    this.swatches = element("div", { className: "swatches", role: "radiogroup" });
    this.stage = element("div", { className: "stage" });
    this.frame = element("div", { className: "frame" });
    this.view = element("canvas", { width: SIDE, height: SIDE });
    this.view.setAttribute("aria-label", "The drawing");
    this.frame.append(this.view);
    this.stage.append(this.frame);
    this.hint = element("div", { className: "hint", role: "status" });
    this.root.append(bar, this.swatches, this.stage, this.hint);
    this.view.onpointerdown = (event) => this.#begin(event);
    this.view.onpointermove = (event) => this.#go(event);
    this.view.onpointerup = this.view.onpointercancel = (event) => this.#end(event);
    this.frame.onwheel = (event) => this.#wheel(event);
    this.root.onkeydown = (event) => this.#key(event);
    this.root.ondragover = (event) => event.preventDefault();
    this.root.ondrop = (event) => this.#drop(event);
    this.#use("brush");
  }

  #use(tool) {
    this.tool = tool;
    for (const [name, one] of Object.entries(this.tools)) one.setAttribute("aria-pressed", name === tool);
  }

  #toggleMirror() {
    this.mirrored = !this.mirrored;
    this.mirror.setAttribute("aria-pressed", this.mirrored);
  }

  #swatch(value) {
    this.chosen = value;
    if (this.tool === "erase" || this.tool === "push") this.#use("brush");
    this.name.textContent = this.set.classes[value][0];
    for (const one of this.swatches.querySelectorAll("button")) {
      one.setAttribute("aria-checked", Number(one.dataset.value) === value);
    }
  }

  /** The face at the right, which follows brush and widgets after a run. */
  #addFace() {
    const { node } = this;
    this.live = new FollowPane({
      hint: "Press Run once: then the face follows the brush.",
      request: () => Object.fromEntries(SENT.map((name) => [name, widgetOf(node, name)?.value])),
      drawn: () => ({ drawing: this.text() }),
      view: new View(() => node, { zooms: false }),
      look: () => this.follow(),
    });
    this.stage.append(this.live.root);
    this.bar.append(button("trace", "Lay the face below the drawing, to paint over it", () => this.#trace()));
    onRun(node, ({ ddgi_live }) => ddgi_live && this.live.open(ddgi_live[0]));
  }

  /** Draw everything anew. */
  show() {
    if (this.shown !== this.kind) {
      this.shown = this.kind;
      this.name = element("span");
      this.swatches.replaceChildren(...this.set.classes.map(([name, colour], value) => {
        const one = button("", name, () => this.#swatch(value));
        Object.assign(one.dataset, { value });
        one.style.background = colour;
        one.setAttribute("role", "radio");
        one.setAttribute("aria-label", name);
        return one;
      }), this.name);
      this.#swatch(Math.min(this.chosen, this.set.classes.length - 1));
    }
    this.view.getContext("2d").putImageData(this.canvas.picture(), 0, 0);
  }

  /** Follow the widget "kind", which the user may have changed. */
  follow() {
    if (this.shown !== this.kind) {
      this.show();
      this.#keep();
    }
  }

  #point(event) {
    const box = this.view.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return { x: x * SIDE - 0.5, y: y * SIDE - 0.5 };
  }

  #begin(event) {
    if (event.button !== 0 || this.last) return;
    this.follow();
    this.root.focus({ preventScroll: true });
    this.view.setPointerCapture(event.pointerId);
    const point = this.#point(event);
    this.canvas.mark();
    this.paint = { erase: 0, push: this.canvas.at(point.x, point.y) }[this.tool] ?? this.chosen;
    if (this.tool === "fill") this.canvas.fill(point.x, point.y, this.paint);
    else this.#stroke(point, point);
    this.last = point;
    this.#changed();
  }

  #go(event) {
    if (!this.last || this.tool === "fill") return;
    const point = this.#point(event);
    this.#stroke(this.last, point);
    this.last = point;
    this.#changed();
  }

  #end() {
    if (!this.last) return;
    this.last = null;
    this.#keep();
  }

  #stroke(from, to) {
    this.canvas.line(from, to, this.size, this.paint, this.mirrored);
  }

  /** Shown with the page's next frame: a mouse may report more often than it is drawn. */
  #changed() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.show();
    });
    this.live?.ask();
  }

  /** The drawing as it is now, also in the middle of a stroke. */
  text() {
    if (!this.canvas.classes.some(Boolean)) return "";
    this.sheet ??= element("canvas", { width: SIDE, height: SIDE });
    this.sheet.getContext("2d").putImageData(this.canvas.picture(), 0, 0);
    return this.sheet.toDataURL("image/png");
  }

  /** Make the drawing the widget's value, as one step of the graph's own undo. */
  #keep() {
    this.value = this.text();
    this.live?.ask();
    keepChange();
  }

  #move(step) {
    if (!this.canvas[step]()) return;
    this.show();
    this.#keep();
  }

  #clear() {
    this.follow();
    this.canvas.mark();
    this.canvas.classes.fill(0);
    this.frame.style.backgroundImage = "";
    this.show();
    this.#keep();
  }

  /** Take a saved value. */
  async load(value) {
    this.value = value;
    if (!value) this.canvas.classes.fill(0);
    else this.canvas.read(await pixels(value));
    this.show();
    this.live?.ask();
  }

  async #takeExample(name) {
    const kind = widgetOf(this.node, "kind");
    if (kind) kind.value = name.startsWith("scribble") ? "scribble" : "mask";
    this.show();
    const answer = await api.fetchApi(`/ddgi/examples/${encodeURIComponent(name)}`);
    if (answer.ok) await this.#takePicture(await dataURL(await answer.blob()));
  }

  async #drop(event) {
    const file = [...event.dataTransfer.files].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    await this.#takePicture(await dataURL(file));
  }

  /** A mask becomes the drawing; any other picture a backdrop to paint over. */
  async #takePicture(url) {
    this.follow();
    this.canvas.mark();
    if (this.canvas.read(await pixels(url))) {
      this.say("");
      this.show();
      this.#keep();
      return;
    }
    this.#lay(url);
    this.say("This picture has other colours than face parts, so it lies below the drawing: paint over it.");
  }

  #trace() {
    const url = this.live.snapshot();
    if (url) this.#lay(url);
  }

  /** A picture below the drawing, which lets it through. */
  #lay(url) {
    this.frame.style.backgroundImage = `url(${url})`;
    this.opacity.value = 50;
    this.view.style.opacity = 0.5;
  }

  say(text) {
    this.hint.textContent = text;
  }

  #wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    const box = this.frame.getBoundingClientRect();
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2)));
    const [x, y] = [((event.clientX - box.left) / box.width) * 100, ((event.clientY - box.top) / box.height) * 100];
    this.view.style.transformOrigin = `${x}% ${y}%`;
    this.view.style.transform = `scale(${this.zoom})`;
  }

  #key(event) {
    const [key, command] = [event.key.toLowerCase(), event.ctrlKey || event.metaKey];
    const tool = TOOLS.find(([, , letter]) => letter === key)?.[0];
    if (command && key === "z") this.#move(event.shiftKey ? "redo" : "undo");
    else if (command && key === "y") this.#move("redo");
    else if (command) return;
    else if (tool) this.#use(tool);
    else if (key === "m") this.#toggleMirror();
    else if (key === "[" || key === "]") {
      this.size = Math.min(WIDEST, Math.max(2, this.size * (key === "[" ? 0.8 : 1.25)));
      this.sizeInput.value = this.size;
    } else if (event.key !== "Tab" && event.key !== "Delete" && event.key !== "Backspace") return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  }

  close() {
    this.live?.close();
  }
}

function dataURL(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** RGBA bytes of a picture at the painter's size, without new colours. */
async function pixels(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const context = element("canvas", { width: SIDE, height: SIDE }).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  const side = Math.min(picture.naturalWidth, picture.naturalHeight);
  const [left, top] = [(picture.naturalWidth - side) / 2, (picture.naturalHeight - side) / 2];
  context.drawImage(picture, left, top, side, side, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE).data;
}

const STYLE = `
.ddgi-painter { display: flex; flex-direction: column; gap: 6px; min-height: 420px; height: 100%; font-size: 12px;
  color: var(--component-node-foreground, var(--fg-color)); outline-offset: 2px; box-sizing: border-box; padding: 2px; }
.ddgi-painter:focus-visible, .ddgi-painter :focus-visible { outline: 2px solid var(--primary-background, #0b8ce9); }
.ddgi-painter .bar, .ddgi-painter .swatches { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
.ddgi-painter button, .ddgi-painter select { font: inherit; color: inherit; height: 24px; min-width: 24px; cursor: pointer;
  background: var(--component-node-widget-background, var(--comfy-input-bg)); border: 1px solid var(--border-color);
  border-radius: 4px; padding: 0 4px; }
.ddgi-painter button[aria-pressed=true] { background: var(--primary-background, #0b8ce9); }
.ddgi-painter input[type=range] { width: 70px; }
.ddgi-painter .swatches button { width: 22px; min-width: 22px; height: 22px; padding: 0; border-radius: 50%; }
.ddgi-painter .swatches span { margin-left: 4px; }
.ddgi-painter .swatches button[aria-checked=true] { outline: 3px solid var(--primary-background, #0b8ce9); }
.ddgi-painter .stage { display: flex; gap: 8px; flex: 1; min-height: 300px; }
.ddgi-painter .frame { flex: 1; overflow: hidden; display: flex; align-items: center; justify-content: center;
  background: center / contain no-repeat; min-width: 0; }
.ddgi-painter canvas { aspect-ratio: 1; max-width: 100%; max-height: 100%; width: auto; height: 100%; touch-action: none;
  cursor: crosshair; image-rendering: pixelated; }
.ddgi-painter .hint { min-height: 15px; color: var(--descrip-text); }
`;
