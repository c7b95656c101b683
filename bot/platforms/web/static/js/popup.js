// The list of completions above the message box: shows, moves, picks. The box keeps the focus; a screen reader hears the
// item through aria-activedescendant. Knows not what the items mean.

import { h } from "./dom.js";

export class Popup {
  #items = [];
  #entries = [];
  #at = -1;
  hasMoved = false;

  constructor(box, pick) {
    this.box = box;
    this.pick = pick;
    this.title = h("div", { class: "popup-title", "aria-hidden": "true" });
    this.list = h("div", { id: "completions", class: "popup-list", role: "listbox", "aria-label": "Completions" });
    this.element = h("div", { class: "popup", "data-testid": "completions" }, this.title, this.list);
    this.element.hidden = true;
    this.element.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps its focus
    box.setAttribute("aria-controls", "completions");
    box.setAttribute("aria-autocomplete", "list");
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get current() {
    return this.#items[this.#at] ?? null;
  }

  show(items, title) {
    const before = this.current?.value;
    this.#items = items;
    this.hasMoved = false;
    this.element.hidden = items.length === 0;
    this.title.textContent = title;
    this.#entries = items.map((item, index) => this.#entry(item, index));
    this.list.replaceChildren(...this.#underTitles());
    this.#select(
      Math.max(
        0,
        items.findIndex((item) => item.value === before),
      ),
    );
  }

  hide() {
    this.show([], "");
  }

  move(by) {
    this.hasMoved = true;
    this.#select((this.#at + by + this.#items.length) % this.#items.length);
  }

  #entry(item, index) {
    const entry = h(
      "div",
      { id: `completion-${index}`, class: "popup-item", role: "option", data: { value: item.value } },
      h("span", { class: "popup-label", text: item.label }),
      h("span", { class: "popup-summary", text: item.summary ?? "" }),
      item.detail ? h("span", { class: "popup-detail", text: item.detail }) : null,
    );
    entry.addEventListener("click", () => this.pick(item));
    return entry;
  }

  /** Entries of a group stand together, under its title. */
  #underTitles() {
    const groups = new Map();
    this.#items.forEach(({ group = "" }, at) => groups.set(group, [...(groups.get(group) ?? []), this.#entries[at]]));
    if (groups.size < 2) return this.#entries;
    return [...groups].map(([title, entries]) =>
      h(
        "div",
        { class: "popup-group", role: "group", "aria-label": title },
        h("div", { class: "popup-title", "aria-hidden": "true", text: title }),
        entries,
      ),
    );
  }

  #select(index) {
    this.#at = this.#items.length ? index : -1;
    this.#entries.forEach((entry, at) => entry.setAttribute("aria-selected", String(at === this.#at)));
    const entry = this.#entries[this.#at];
    if (this.#at === 0) this.list.scrollTop = 0;
    else entry?.scrollIntoView({ block: "nearest" });
    if (entry) this.box.setAttribute("aria-activedescendant", entry.id);
    else this.box.removeAttribute("aria-activedescendant");
  }
}
