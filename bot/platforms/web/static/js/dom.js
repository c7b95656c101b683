// Builds elements. All text goes in as text: nothing here, or anywhere on the page, parses HTML. Knows no card.

import { iconAt } from "./sprite.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: attributes; `on…` listeners; `class`; `text`; `data` an object. Children: nodes or strings. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One picture of the sprite; decoration only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", iconAt(name));
  svg.append(use);
  return svg;
}

/** A button with an icon and no words; `label` is what a screen reader says and the tooltip shows. */
export function iconButton(name, label, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props },
    icon(name),
  );
}

/** Sets text only where it differs, so that selections and screen readers are left alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const find = (selector, under = document) => under.querySelector(selector);
export const isReduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const isCoarse = () => matchMedia("(pointer: coarse)").matches;

/** Waits until calls stop for `ms`, then calls once with the last arguments. */
export function debounced(call, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...args), ms);
  };
}
