// A line of the log that admins read, kept among the messages: small, with no person and no buttons. To the list of messages
// it is what a CardView is.

import { h, icon, say } from "./dom.js";
import { fullTime, shortTime } from "./words.js";

export const isNotice = (card) => card.kind === "notice";

export class NoticeView {
  card = null;

  constructor(card) {
    this.words = h("span", { class: "notice-words" });
    this.when = h("time", { class: "when" });
    this.element = h(
      "article",
      { class: "message is-notice", tabindex: "-1" },
      h("p", { class: "notice" }, icon("shield"), this.words, this.when),
    );
    this.update(card);
  }

  update(card) {
    this.card = card;
    const words = card.sentence || card.words;
    Object.assign(this.element.dataset, { request: card.id, state: card.state, kind: card.kind });
    this.element.setAttribute("aria-label", `Notice: ${words}`.slice(0, 200));
    say(this.words, words);
    say(this.when, shortTime(card.created_s));
    this.when.title = fullTime(card.created_s);
    this.when.dateTime = new Date(card.created_s * 1000).toISOString();
  }

  tick() {}

  retry() {}
}
