// Elements and marks; text never becomes markup.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const MARKS = {
  circle: "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
  square: "M-4.5-4.5H4.5V4.5H-4.5Z",
  triangle: "M0-5.5L5.5 4.5H-5.5Z",
  diamond: "M0-6L6 0L0 6L-6 0Z",
  down: "M0 5.5L5.5-4.5H-5.5Z",
  cross: "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0Z",
  plus: "M-2-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z",
  star: "M0-6L1.8-2L6-1.6L2.8 1.2L3.8 5.4L0 3.2L-3.8 5.4L-2.8 1.2L-6-1.6L-1.8-2Z",
};

function markOf(way, x, y) {
  const at = `translate(${x} ${y})`;
  return svg("path", { class: "mark", d: MARKS[way.mark], fill: way.color, transform: at });
}
