// A picture on a node that follows a hand: it asks the server for the newest state only, one request at a time, and
// waits while a prompt runs. 3D heads turn by dragging or with the arrow keys, and come nearer with the wheel.

import { api } from "../../../scripts/api.js";
import { element, keepChange } from "./element.js";

const LOOK_EVERY = 50; // milliseconds between two looks at the widgets
const DEGREES_PER_PIXEL = 0.4;
const DEGREES_PER_KEY = 5;
const ZOOM = 1.1;
const TURN = "Drag the face to turn it, or use the arrow keys; Home looks from the front.";
const TURN_AND_ZOOM = "Drag the face to turn it, or use the arrow keys; + and - zoom, Home looks from the front.";

export class FollowPane {
  /**
   * hint: what to say before the first run. request: to what is asked for, as an object. drawn: likewise, for what
   * takes long to tell; whoever changes it calls `ask`. view: a `View`. look: called before each look at the widgets.
   */
  constructor({ hint, request = () => ({}), drawn, view, look }) {
    Object.assign(this, { request, drawn, view, look });
    this.root = element("div", { className: "ddgi-face" });
    this.picture = element("img", { alt: "The face", draggable: false, hidden: true });
    this.note = element("div", { className: "hint", textContent: hint });
    this.note.setAttribute("role", "status");
    this.root.append(this.picture, this.note);
    this.picture.onpointerdown = (event) => this.#turn(event);
    this.picture.onkeydown = (event) => this.#key(event);
    this.picture.onwheel = (event) => this.#wheel(event);
  }

  /** The models are ready on the server, under this name. */
  open(session) {
    this.session = session;
    this.timer ??= setInterval(() => this.#look(), LOOK_EVERY);
    this.sent = this.seen = null;
    this.ask();
  }

  close() {
    clearInterval(this.timer);
    this.timer = this.session = null;
    this.#show(null);
  }

  #look() {
    if (!this.root.isConnected) return;
    this.look?.();
    if (this.waiting || JSON.stringify(this.#values()) !== this.sent) this.ask();
  }

  #values() {
    return { ...this.view.values(), ...this.request() };
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
        const body = JSON.stringify({ session: this.session, ...this.drawn?.(), ...values });
        if (body === this.seen) continue; // the end of a stroke that is shown already
        const answer = await api.fetchApi("/ddgi/live", {
          method: "POST", headers: { "Content-Type": "application/json" }, body });
        if (answer.status === 409) {
          this.waiting = true; // the next look asks again
          break;
        }
        await this.#take(answer);
        this.seen = answer.ok ? body : null;
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
      this.picture.tabIndex = this.turns ? 0 : -1;
      this.note.textContent = !this.turns ? "" : this.view.zooms ? TURN_AND_ZOOM : TURN;
      this.#show(URL.createObjectURL(await answer.blob()));
      return;
    }
    if (answer.status === 410) this.session = null;
    const said = await answer.json().catch(() => ({}));
    this.note.textContent = said.error ?? "The face could not be made.";
  }

  /** The picture as a data URL, null where there is none. */
  snapshot() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    if (!width) return null;
    const sheet = element("canvas", { width, height });
    sheet.getContext("2d").drawImage(this.picture, 0, 0);
    return sheet.toDataURL();
  }

  #show(url) {
    if (this.picture.src.startsWith("blob:")) URL.revokeObjectURL(this.picture.src);
    this.picture.hidden = !url;
    if (url) this.picture.src = url;
    else this.picture.removeAttribute("src");
  }

  #add(yaw, pitch) {
    this.view.set("yaw", this.view.get("yaw") + yaw);
    this.view.set("pitch", this.view.get("pitch") + pitch);
    this.ask();
  }

  #zoom(factor) {
    this.view.set("fov", this.view.get("fov") * factor);
    this.ask();
  }

  #turn(event) {
    if (event.button !== 0 || !this.turns) return;
    event.preventDefault();
    event.stopPropagation();
    this.picture.focus({ preventScroll: true });
    this.picture.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    this.picture.onpointermove = (move) => {
      this.#add((x - move.clientX) * DEGREES_PER_PIXEL, (move.clientY - y) * DEGREES_PER_PIXEL);
      [x, y] = [move.clientX, move.clientY];
    };
    this.picture.onpointerup = this.picture.onpointercancel = () => {
      this.picture.onpointermove = this.picture.onpointerup = this.picture.onpointercancel = null;
      keepChange();
    };
  }

  #key(event) {
    const step = DEGREES_PER_KEY;
    const actions = {
      ArrowLeft: () => this.#add(step, 0), ArrowRight: () => this.#add(-step, 0),
      ArrowUp: () => this.#add(0, -step), ArrowDown: () => this.#add(0, step),
      "+": () => this.#zoom(1 / ZOOM), "=": () => this.#zoom(1 / ZOOM), "-": () => this.#zoom(ZOOM),
      Home: () => { this.view.reset(); this.ask(); },
    };
    if (!this.turns || event.ctrlKey || event.metaKey || !actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
    keepChange();
  }

  /** Only on the picture that was clicked: elsewhere the wheel is the canvas's own. */
  #wheel(event) {
    if (!this.turns || document.activeElement !== this.picture) return;
    event.preventDefault();
    event.stopPropagation();
    this.#zoom(event.deltaY < 0 ? 1 / ZOOM : ZOOM);
    keepChange();
  }
}

document.head.append(element("style", { textContent: `
.ddgi-face { flex: 1; min-width: 0; min-height: 0; height: 100%; display: flex; flex-direction: column;
  align-items: center; justify-content: center; gap: 4px; font-size: 12px;
  color: var(--component-node-foreground, var(--fg-color)); box-sizing: border-box; padding: 2px; }
.ddgi-face img { aspect-ratio: 1; min-height: 0; flex: 1; object-fit: contain; max-width: 100%; touch-action: none; }
.ddgi-face img:focus-visible { outline: 2px solid var(--primary-background, #0b8ce9); }
.ddgi-face .hint { min-height: 15px; color: var(--descrip-text); }
.ddgi-face button, .ddgi-face select { font: inherit; color: inherit; height: 24px; cursor: pointer; border-radius: 4px;
  padding: 0 6px; background: var(--component-node-widget-background, var(--comfy-input-bg));
  border: 1px solid var(--border-color); }
.ddgi-face button:focus-visible, .ddgi-face select:focus-visible { outline: 2px solid var(--primary-background, #0b8ce9); }
.ddgi-face[hidden], .ddgi-face [hidden] { display: none; }
` }));
