// The words of the prompt on DDGI Attention View: a click on one shows where the diffusion model looks for it, and asks
// for its mask at the next run. With Shift several are chosen.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { addPane, element, keepChange, onRun, widgetOf } from "./element.js";

const ASK = "Press Run: then click a word to see where the model looks for it.";
const CHOOSE = "Click a word. Shift adds one; masks are made of the chosen words at the next run, of all where none is.";

app.registerExtension({
  name: "ddgi.words",

  nodeCreated(node) {
    if (node.comfyClass === "DDGIAttentionView") new WordStrip(node);
  },
});

class WordStrip {
  constructor(node) {
    this.node = node;
    this.root = element("div", { className: "ddgi-words" });
    this.bar = element("div", { className: "bar", role: "group" });
    this.bar.setAttribute("aria-label", "Words of the prompt");
    this.picture = element("img", { alt: "", hidden: true, draggable: false });
    this.note = element("div", { className: "hint", textContent: ASK });
    this.note.setAttribute("role", "status");
    this.root.append(this.bar, this.picture, this.note);
    addPane(node, "words_seen", this.root, () => 280);
    onRun(node, ({ ddgi_words, ddgi_overlays }) => ddgi_words && this.show(ddgi_words, ddgi_overlays));
    const strip = this;
    const asked = this.#asked();
    if (asked) {
      const changed = asked.callback;
      asked.callback = function () {
        changed?.apply(this, arguments);
        strip.#light();
      };
    }
  }

  /** Words of the prompt in its order, and a saved picture for each. */
  show(words, overlays) {
    this.overlays = new Map();
    words.forEach((word, place) => {
      const plain = word.toLowerCase();
      if (!this.overlays.has(plain)) this.overlays.set(plain, overlays[place]);
    });
    this.bar.replaceChildren(...[...this.overlays.keys()].map((word) => {
      const button = element("button", { type: "button", textContent: word });
      button.onclick = (event) => this.#choose(word, event.shiftKey);
      return button;
    }));
    this.note.textContent = CHOOSE;
    this.#look(this.#chosen()[0] ?? this.overlays.keys().next().value);
    this.#light();
  }

  #asked() {
    return widgetOf(this.node, "words");
  }

  /** The chosen words; phrases count word by word. */
  #chosen() {
    const text = String(this.#asked()?.value ?? "").toLowerCase();
    return text.split(/[,\s]+/).filter((word) => this.overlays?.has(word));
  }

  #choose(word, more) {
    const before = this.#chosen();
    const others = before.filter((each) => each !== word);
    const isOff = before.includes(word) && (more || !others.length);
    const chosen = isOff ? (more ? others : []) : more ? [...before, word] : [word];
    this.#asked().value = chosen.join(", ");
    if (!isOff) this.#look(word);
    this.#light();
    keepChange();
  }

  #look(word) {
    const file = this.overlays.get(word);
    this.picture.hidden = !file;
    if (!file) return;
    this.picture.alt = `Where the model looks for ${word}`;
    this.picture.src = api.apiURL(`/view?${new URLSearchParams(file)}`);
  }

  #light() {
    const chosen = new Set(this.#chosen());
    for (const button of this.bar.children) {
      button.setAttribute("aria-pressed", String(chosen.has(button.textContent)));
    }
  }
}

document.head.append(element("style", { textContent: `
.ddgi-words { display: flex; flex-direction: column; gap: 6px; height: 100%; min-height: 280px; font-size: 12px;
  color: var(--component-node-foreground, var(--fg-color)); box-sizing: border-box; padding: 2px; }
.ddgi-words .bar { display: flex; flex-wrap: wrap; gap: 3px; }
.ddgi-words button { font: inherit; color: inherit; height: 24px; cursor: pointer; border-radius: 4px; padding: 0 6px;
  background: var(--component-node-widget-background, var(--comfy-input-bg)); border: 1px solid var(--border-color); }
.ddgi-words button[aria-pressed=true] { background: var(--primary-background, #0b8ce9); }
.ddgi-words button:focus-visible { outline: 2px solid var(--primary-background, #0b8ce9); }
.ddgi-words img { min-height: 0; flex: 1; object-fit: contain; max-width: 100%; }
.ddgi-words .hint { min-height: 15px; color: var(--descrip-text); }
` }));
