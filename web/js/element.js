import { app } from "../../../scripts/app.js";

let panes = 0;

/** An element of the page with some of its properties. */
export function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

/** A button whose title is read aloud, too. */
export function button(text, title, action) {
  const made = element("button", { type: "button", textContent: text, title, onclick: action });
  made.setAttribute("aria-label", title);
  return made;
}

/** A node's widget of this name, or undefined. */
export function widgetOf(node, name) {
  return node?.widgets?.find((widget) => widget.name === name);
}

/** Make what changed on a node one step of the graph's own undo. */
export function keepChange() {
  app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.captureCanvasState?.();
}

/** Call `take` with what a node says after each run. */
export function onRun(node, take) {
  const executed = node.onExecuted;
  node.onExecuted = function (output) {
    executed?.apply(this, arguments);
    if (output) take(output);
  };
}

/** Give a node a widget made of an element of the page, of which nothing is saved. close: called when it goes. */
export function addPane(node, name, root, height, close) {
  const widget = node.addDOMWidget(name, `${name.toUpperCase()}#${++panes}`, root, {
    serialize: false, hideOnZoom: false, getMinHeight: height });
  widget.serialize = false;
  const removed = widget.onRemove;
  widget.onRemove = function () {
    close?.();
    removed?.call(this);
  };
}

/** Make a node as tall as its widgets need now. */
export function grow(node) {
  const [width, height] = node.computeSize();
  node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  node.setDirtyCanvas?.(true, true);
}
