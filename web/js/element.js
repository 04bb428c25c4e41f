/** An element of the page with some of its properties. */
export function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}
