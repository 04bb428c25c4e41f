// Where a 3D head is seen from: the widgets of a node that has some of these names, and numbers of its own otherwise.

import { widgetOf } from "./element.js";

const LIMITS = { pitch: [-80, 80], fov: [4, 60] };
const OTHERS = ["roll", "radius", "pivot_x", "pivot_y", "pivot_z"]; // read, never changed by hand
const FRONT = { yaw: 0, pitch: 0, fov: 13.373 };

export class View {
  /** findNode: to the node whose widgets count, or null. zooms: whether the field of view may change. */
  constructor(findNode = () => null, { zooms = true } = {}) {
    Object.assign(this, { findNode, zooms });
    this.own = { ...FRONT };
  }

  #widget(name) {
    return widgetOf(this.findNode(), name);
  }

  get(name) {
    return Number(this.#widget(name)?.value ?? this.own[name]);
  }

  set(name, value) {
    if (name === "fov" && !this.zooms) return;
    const [least, most] = LIMITS[name] ?? [-Infinity, Infinity];
    const turned = name === "yaw" ? ((((value + 180) % 360) + 360) % 360) - 180 : value;
    const rounded = Math.round(Math.min(most, Math.max(least, turned)) * 10) / 10;
    this.own[name] = rounded;
    const widget = this.#widget(name);
    if (widget && widget.value !== rounded) {
      widget.value = rounded;
      widget.callback?.(rounded);
    }
  }

  /** What a request says of the view. */
  values() {
    const found = Object.fromEntries(Object.keys(FRONT).map((name) => [name, this.get(name)]));
    for (const name of OTHERS) {
      const widget = this.#widget(name);
      if (widget) found[name] = Number(widget.value);
    }
    return found;
  }

  /** Look from the front, at the usual size. */
  reset() {
    for (const [name, value] of Object.entries(FRONT)) this.set(name, value);
  }
}
