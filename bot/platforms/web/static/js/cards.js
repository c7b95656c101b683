// One message of the chat: a person's words and Darkroom's answer, shown from a Card and shown again from the next one.
// Only what differs is touched. Knows the shape of a Card; neither the list it is in nor the server.

import { now_s } from "./api.js";
import { h, icon, say } from "./dom.js";
import { fieldsTable } from "./fields.js";
import { paperView } from "./paper.js";
import { Rows } from "./rows.js";
import { Tiles } from "./tiles.js";
import { fullTime, noticeOf, shortTime, stateWords } from "./words.js";
import { wordsView } from "./words-view.js";

const LIVE = new Set(["waiting", "loading", "drawing"]);
export const isLive = (card) => LIVE.has(card.state);

export class CardView {
  #fields = "";
  #paper = "";
  card = null;

  /** `hands`: press(button, card, element), open(card, tile), more(card, tile, button), enlarge(view), use(words), edit(words),
   * dismiss(view). */
  constructor(card, hands) {
    this.hands = hands;
    this.tiles = new Tiles({
      open: (tile) => hands.open(this.card, tile),
      more: (tile, button) => hands.more(this.card, tile, button),
    });
    this.rows = new Rows((button, element) => hands.press(button, this.card, element));
    this.#build(card);
    this.update(card);
  }

  #build(card) {
    this.title = h("span", { class: "state-title" });
    this.rest = h("span", { class: "state-rest" });
    this.stateLine = h("p", { class: "state" }, this.title, this.rest);
    this.bar = h("div", { class: "bar-fill" });
    this.progress = h(
      "div",
      { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" },
      this.bar,
    );
    this.sentence = h("p", { class: "sentence" });
    this.fields = h("div", { class: "fields-holder" });
    this.paper = h("div", { class: "paper-holder" });
    this.only = h("div", { class: "only-you" });
    const answer = h(
      "div",
      { class: "answer" },
      h("img", { class: "avatar is-darkroom", src: "/static/icon.svg", alt: "" }),
      h(
        "div",
        { class: "answer-body" },
        h("div", { class: "head" }, h("span", { class: "who is-darkroom", text: "Darkroom" }), this.stateLine),
        h("div", { class: "told" }, this.progress, this.sentence),
        this.fields,
        this.paper,
        this.tiles.element,
        this.rows.element,
        this.only,
      ),
    );
    this.element = h("article", { class: "message", tabindex: "-1" }, card.words ? asked(card) : null, answer);
  }

  update(card) {
    this.card = card;
    const { element } = this;
    element.dataset.request = card.id;
    element.dataset.state = card.state;
    element.dataset.kind = card.kind;
    element.classList.toggle("is-refusal", card.is_refusal);
    element.classList.toggle("is-private", card.id === "");
    element.setAttribute(
      "aria-label",
      `${card.words || "Darkroom"}. ${stateWords(card, now_s()).title || card.sentence}`.slice(0, 200),
    );
    say(this.sentence, card.sentence);
    this.sentence.hidden = !(isLive(card) ? noticeOf(card) : card.sentence); // the line of its state says all else
    this.tick();
    this.#showProgress(card);
    this.#showFields(card);
    this.#showPaper(card);
    this.tiles.update(card.tiles, card.fraction);
    this.tiles.cover(card.is_spoiler);
    this.rows.update(card.buttons);
    this.#showOnlyYou(card);
  }

  /** Once a second while it lives: the wait goes down by itself. */
  tick() {
    const { title, rest } = stateWords(this.card, now_s());
    say(this.title, this.card.is_refusal ? "" : title);
    say(this.rest, rest);
    this.stateLine.hidden = !title && !rest;
  }

  retry() {
    this.tiles.retry();
  }

  #showProgress(card) {
    this.progress.hidden = !isLive(card);
    const isKnown = card.state !== "waiting" && card.fraction !== null;
    const percent = Math.round((card.fraction ?? 0) * 100);
    this.progress.classList.toggle("is-unknown", !isKnown);
    this.progress.classList.toggle("is-still", noticeOf(card) !== "");
    if (isKnown) this.progress.setAttribute("aria-valuenow", percent);
    else this.progress.removeAttribute("aria-valuenow");
    this.bar.style.transform = isKnown ? `scaleX(${Math.max(0.02, card.fraction)})` : "";
  }

  #showFields(card) {
    const signature = JSON.stringify(card.fields);
    if (signature === this.#fields) return;
    this.#fields = signature;
    this.fields.replaceChildren(...(card.fields.length ? [fieldsTable(card.fields, this.hands)] : []));
  }

  #showPaper(card) {
    const signature = card.paper ? `${card.paper.kind} ${card.paper.name}` : "";
    if (signature === this.#paper) return;
    this.#paper = signature;
    this.paper.replaceChildren(...(signature ? [paperView(card.paper, this.hands)] : []));
  }

  #showOnlyYou(card) {
    if (card.id !== "" || this.only.childElementCount) return;
    const dismiss = h("button", {
      type: "button",
      class: "link",
      text: "Dismiss",
      onclick: () => this.hands.dismiss(this),
    });
    this.only.append(
      icon("eye"),
      h("span", { text: "Only you can see this" }),
      h("span", { "aria-hidden": "true", text: "·" }),
      dismiss,
    );
    if (card.is_refusal && card.words) {
      const edit = h("button", {
        type: "button",
        class: "link",
        text: "Edit the words",
        onclick: () => this.hands.edit(card.sent ?? card.words, this),
      });
      this.only.append(h("span", { "aria-hidden": "true", text: "·" }), edit);
    }
  }
}

/** A person's line: also above an answer that has not come yet. */
export function asked({ asker, words, created_s }) {
  const name = asker || "You";
  const time = h("time", {
    class: "when",
    datetime: new Date(created_s * 1000).toISOString(),
    title: fullTime(created_s),
    text: shortTime(created_s),
  });
  const avatar = h("span", { class: "avatar is-person", "aria-hidden": "true", text: [...name][0].toUpperCase() });
  avatar.style.setProperty("--hue", hue(name));
  return h(
    "div",
    { class: "asked" },
    avatar,
    h(
      "div",
      { class: "asked-body" },
      h("div", { class: "head" }, h("span", { class: "who", text: name }), time),
      wordsView(words),
    ),
  );
}

function hue(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}
