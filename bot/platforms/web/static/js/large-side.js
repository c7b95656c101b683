// What stands beside a large picture: its words, its facts, what can be done with it, and a note (a recipe) that was asked for.

import { h, icon, say } from "./dom.js";
import { copyButton, fieldsTable } from "./fields.js";
import { pill } from "./rows.js";
import { readButton } from "./verbs.js";
import { shortTime } from "./words.js";

export class Side {
  /** `press(button, view)`; `goTo(view)` goes to its message, where `canGoTo(view)`. */
  constructor({ press, goTo, canGoTo }) {
    Object.assign(this, { press, goTo, canGoTo });
    this.prompt = h("p", { class: "large-prompt", "data-testid": "large-prompt" });
    this.facts = h("div", { class: "large-facts" });
    this.actions = h("div", { class: "large-actions" });
    this.noteHolder = h("div", { class: "large-note" });
    this.element = h(
      "aside",
      { class: "large-side", "aria-label": "About this picture" },
      this.prompt,
      this.facts,
      this.actions,
      this.noteHolder,
    );
  }

  show(view) {
    say(this.prompt, view.prompt);
    this.noteHolder.replaceChildren();
    this.facts.replaceChildren(...factsOf(view).map(fact));
    this.#showActions(view);
  }

  note(card) {
    this.noteHolder.replaceChildren(
      card.sentence ? h("p", { class: card.is_refusal ? "form-error" : "sentence", text: card.sentence }) : "",
      card.fields.length ? fieldsTable(card.fields) : "",
    );
    this.noteHolder.scrollIntoView({ block: "nearest" });
  }

  #showActions(view) {
    const press = (button) => this.press(button, view);
    const buttons = view.buttons.filter((button) => readButton(button.id).verb !== "animation"); // above the picture
    const save = view.save ? [wide("download", "Download", view.save)] : [];
    const go = this.canGoTo(view) ? [wide("chat", "Go to its message", () => this.goTo(view))] : [];
    this.actions.replaceChildren(...buttons.map((button) => pill(button, press)), ...save, ...go);
  }
}

function factsOf(view) {
  const { label, seed, model, created_s } = view;
  return [
    label ? ["Label", h("span", { text: label })] : null,
    seed === null || seed === undefined ? null : ["Seed", seedView(String(seed))],
    ["Size", h("span", { text: `${view.width_px} x ${view.height_px} px` })],
    model ? ["Model", h("span", { text: model })] : null,
    created_s ? ["Drawn", h("span", { text: shortTime(created_s) })] : null,
  ].filter(Boolean);
}

const fact = ([name, value]) => h("div", { class: "fact" }, h("span", { class: "fact-name", text: name }), value);
const seedView = (seed) => h("span", { class: "large-seed" }, h("code", { text: seed }), copyButton(seed, "Seed"));
const wide = (name, words, onclick) =>
  h("button", { type: "button", class: "pill is-wide", onclick }, icon(name), h("span", { text: words }));
