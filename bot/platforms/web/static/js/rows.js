// Rows of buttons under a card, as the server says them. Rebuilt only where they differ, and focus stays on the button it
// was on. Knows not what a press does.

import { h, icon } from "./dom.js";
import { iconOf } from "./verbs.js";

const STYLES = { primary: "is-primary", danger: "is-danger", secondary: "" };

/** One pill. `press(button)` may be asynchronous: until it ends the button is busy. */
export function pill(button, press) {
  const isNumbered = /^[UV]\d+$/.test(button.label);
  const name = isNumbered ? null : iconOf(button.id);
  const element = h(
    "button",
    {
      type: "button",
      class: `pill ${STYLES[button.style] ?? ""}${isNumbered ? " is-numbered" : ""}`,
      "aria-label": button.name || button.label,
      title: button.name,
      data: { button: button.id },
    },
    name ? icon(name) : null,
    h("span", { text: button.label }),
  );
  element.addEventListener("click", async () => {
    if (element.getAttribute("aria-busy") === "true") return;
    element.setAttribute("aria-busy", "true");
    try {
      await press(button, element);
    } finally {
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

export class Rows {
  #signature = "[]";

  constructor(press) {
    this.press = press;
    this.element = h("div", { class: "rows" });
    this.element.hidden = true;
  }

  update(rows) {
    const signature = JSON.stringify(rows ?? []);
    if (signature === this.#signature) return;
    this.#signature = signature;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.button : null;
    this.element.replaceChildren(
      ...rows.map((row) =>
        h(
          "div",
          { class: "row" },
          row.map((button) => pill(button, this.press)),
        ),
      ),
    );
    this.element.hidden = rows.length === 0;
    if (focused) this.#refocus(focused);
  }

  #refocus(id) {
    const same = [...this.element.querySelectorAll("button")].find((button) => button.dataset.button === id);
    (same ?? this.element.closest("[tabindex]"))?.focus({ preventScroll: true });
  }
}
