// The face beside the painter of DDGI Live Face. It asks for the newest state only, one request at a time, and waits
// while a prompt runs.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { element } from "./element.js";

const SENT = ["kind", "prompt", "seed", "strength", "yaw", "pitch"];
const LOOK_EVERY = 120; // milliseconds between two looks at the other widgets
const DEGREES_PER_PIXEL = 0.4;

export class LivePane {
  constructor(node, painter) {
    this.node = node;
    this.painter = painter;
    this.root = element("div", { className: "face" });
    this.picture = element("img", { alt: "The face", draggable: false, hidden: true });
    this.note = element("div", { className: "hint" });
    this.note.setAttribute("role", "status");
    this.note.textContent = "Press Run once: then the face follows the brush.";
    this.root.append(this.picture, this.note);
    this.picture.onpointerdown = (event) => this.#turn(event);
    this.wake = () => this.#look();
    const executed = node.onExecuted;
    const pane = this;
    node.onExecuted = function (output) {
      executed?.apply(this, arguments);
      if (output?.ddgi_live?.[0]) pane.open(output.ddgi_live[0]);
    };
  }

  /** The models are ready on the server, under this name. */
  open(session) {
    this.session = session;
    this.timer ??= setInterval(this.wake, LOOK_EVERY);
    this.sent = null;
    this.ask();
  }

  close() {
    clearInterval(this.timer);
    this.timer = this.session = null;
    this.#show(null);
  }

  #look() {
    if (!this.root.isConnected) return;
    this.painter.follow();
    if (this.waiting || JSON.stringify(this.#values()) !== this.sent) this.ask();
  }

  #widget(name) {
    return this.node.widgets?.find((widget) => widget.name === name);
  }

  #values() {
    return Object.fromEntries(SENT.map((name) => [name, this.#widget(name)?.value]));
  }

  /** Ask for the face of the present state; while one is on its way, the newest state is asked for after it. */
  async ask() {
    if (!this.session) return;
    this.waiting = true;
    if (this.asking) return;
    this.asking = true;
    try {
      while (this.waiting && this.session) {
        this.waiting = false;
        const values = this.#values();
        this.sent = JSON.stringify(values);
        const request = { session: this.session, drawing: this.painter.text(), ...values };
        const answer = await api.fetchApi("/ddgi/live", {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) });
        if (answer.status === 409) {
          this.waiting = true; // the next look asks again
          break;
        }
        await this.#take(answer);
      }
    } catch {
      this.note.textContent = "The server does not answer.";
    } finally {
      this.asking = false;
    }
  }

  async #take(answer) {
    if (answer.ok) {
      this.turns = answer.headers.get("DDGI-Turns") === "1";
      this.picture.style.cursor = this.turns ? "grab" : "";
      this.note.textContent = this.turns ? "Drag the face to turn it." : "";
      this.#show(URL.createObjectURL(await answer.blob()));
      return;
    }
    if (answer.status === 410) this.session = null;
    const said = await answer.json().catch(() => ({}));
    this.note.textContent = said.error ?? "The face could not be made.";
  }

  #show(url) {
    if (this.picture.src.startsWith("blob:")) URL.revokeObjectURL(this.picture.src);
    this.picture.hidden = !url;
    if (url) this.picture.src = url;
    else this.picture.removeAttribute("src");
  }

  #turn(event) {
    if (event.button !== 0 || !this.turns) return;
    event.preventDefault();
    this.picture.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    this.picture.onpointermove = (move) => {
      this.#add("yaw", (move.clientX - x) * DEGREES_PER_PIXEL, 180);
      this.#add("pitch", (move.clientY - y) * DEGREES_PER_PIXEL, 60);
      [x, y] = [move.clientX, move.clientY];
      this.ask();
    };
    this.picture.onpointerup = this.picture.onpointercancel = () => {
      this.picture.onpointermove = this.picture.onpointerup = this.picture.onpointercancel = null;
      app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.captureCanvasState?.();
    };
  }

  #add(name, degrees, most) {
    const widget = this.#widget(name);
    if (widget) widget.value = Math.round(Math.min(most, Math.max(-most, Number(widget.value) + degrees)) * 10) / 10;
  }
}
