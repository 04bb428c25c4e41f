// A picture of class numbers: what a painter paints on. No page and no ComfyUI is needed here.

export const SIDE = 512;

// Classes that change places in a mirror: eyes, brows, ears.
const MIRRORED = { 4: 5, 5: 4, 6: 7, 7: 6, 8: 9, 9: 8 };
const STEPS = 40; // that can be undone
const FAR = 24 * 24 * 3; // squared distance of a colour that is no class colour
const CLEAR_SHARE = 0.75; // of the pixels of a mask have class colours

export class ClassCanvas {
  /** colours: [r, g, b] of each class. */
  constructor(colours) {
    this.colours = colours;
    this.classes = new Uint8Array(SIDE * SIDE);
    this.undone = [];
    this.done = [];
  }

  /** Remember the picture as it is; undo comes back to it. */
  mark() {
    this.done.push(this.classes.slice());
    if (this.done.length > STEPS) this.done.shift();
    this.undone = [];
  }

  undo() {
    return this.#step(this.done, this.undone);
  }

  redo() {
    return this.#step(this.undone, this.done);
  }

  #step(from, to) {
    if (!from.length) return false;
    to.push(this.classes);
    this.classes = from.pop();
    return true;
  }

  at(x, y) {
    return this.classes[clamp(y) * SIDE + clamp(x)];
  }

  /** A stroke of a round brush from one point to another, in pixels. */
  line(from, to, size, value, mirror = false) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / Math.max(1, size / 4)));
    for (let step = 0; step <= steps; step++) {
      const x = from.x + ((to.x - from.x) * step) / steps;
      const y = from.y + ((to.y - from.y) * step) / steps;
      this.#dab(x, y, size / 2, value);
      if (mirror) this.#dab(SIDE - 1 - x, y, size / 2, MIRRORED[value] ?? value);
    }
  }

  #dab(x, y, radius, value) {
    const [top, bottom] = [clamp(Math.ceil(y - radius)), clamp(Math.floor(y + radius))];
    for (let row = top; row <= bottom; row++) {
      const reach = Math.sqrt(Math.max(0, radius * radius - (row - y) * (row - y)));
      const [left, right] = [Math.ceil(x - reach), Math.floor(x + reach)];
      if (right < 0 || left >= SIDE) continue;
      this.classes.fill(value, row * SIDE + clamp(left), row * SIDE + clamp(right) + 1);
    }
  }

  /** The area of one class around a point becomes another class. */
  fill(x, y, value) {
    const start = clamp(y) * SIDE + clamp(x);
    const old = this.classes[start];
    if (old === value) return;
    const waiting = [start];
    this.classes[start] = value;
    while (waiting.length) {
      const place = waiting.pop();
      const column = place % SIDE;
      for (const next of [column > 0 ? place - 1 : -1, column < SIDE - 1 ? place + 1 : -1, place - SIDE, place + SIDE]) {
        if (next >= 0 && next < SIDE * SIDE && this.classes[next] === old) {
          this.classes[next] = value;
          waiting.push(next);
        }
      }
    }
  }

  /** ImageData of the picture in class colours. */
  picture() {
    const found = new ImageData(SIDE, SIDE);
    const words = new Uint32Array(found.data.buffer);
    const table = this.colours.map(([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    this.classes.forEach((value, place) => (words[place] = table[value]));
    return found;
  }

  /** Take a picture's nearest classes. False, and nothing is changed, where it has other colours than classes have. */
  read(data) {
    const found = new Uint8Array(SIDE * SIDE);
    const known = new Map();
    let clear = 0;
    for (let place = 0; place < found.length; place++) {
      const [r, g, b] = data.subarray(4 * place, 4 * place + 3);
      const key = (r << 16) | (g << 8) | b;
      if (!known.has(key)) known.set(key, nearest(this.colours, r, g, b));
      const [value, distance] = known.get(key);
      found[place] = value;
      clear += distance <= FAR;
    }
    if (clear < CLEAR_SHARE * found.length) return false;
    this.classes = found;
    return true;
  }
}

function nearest(colours, r, g, b) {
  let best = [0, Infinity];
  colours.forEach(([x, y, z], value) => {
    const distance = (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2;
    if (distance < best[1]) best = [value, distance];
  });
  return best;
}

function clamp(value) {
  return Math.min(SIDE - 1, Math.max(0, Math.round(value)));
}
