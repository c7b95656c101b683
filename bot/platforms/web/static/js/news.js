// What a screen reader is told of messages: a new state at once; a new place in line, or that it takes longer, now and then,
// and never the seconds as they go by. Knows the shape of a Card, and no element.

import { now_s } from "./api.js";
import { announce } from "./toast.js";
import { noticeOf, plural, stateWords } from "./words.js";

const BETWEEN_MS = 15_000;

export class News {
  #told = new Map(); // request id → what was last said of where it waits
  #waiting = new Map(); // request id → a card whose place changed since
  #said_ms = -Infinity;

  /** A newer card came; `before` is its state until now. */
  hear(card, before) {
    if (card.state !== "waiting") this.#forget(card.id);
    if (card.state !== before) this.#say(announcement(card), card);
    else if (card.state === "waiting" && this.#told.get(card.id) !== placeOf(card)) this.#waiting.set(card.id, card);
  }

  /** Once a second. */
  tick() {
    if (!this.#waiting.size || performance.now() - this.#said_ms < BETWEEN_MS) return;
    const [card] = this.#waiting.values();
    this.#say(announcement(card), card);
    for (const [id, other] of this.#waiting) this.#told.set(id, placeOf(other));
    this.#waiting.clear();
  }

  #say(words, card) {
    if (card.state === "waiting") this.#told.set(card.id, placeOf(card));
    this.#said_ms = performance.now();
    if (words) announce(words);
  }

  #forget(id) {
    this.#told.delete(id);
    this.#waiting.delete(id);
  }
}

const placeOf = (card) => `${card.position} ${card.is_overdue} ${noticeOf(card)}`;

/** "" for nothing. */
export function announcement(card) {
  const n = card.tiles.filter((tile) => tile.picture).length;
  switch (card.state) {
    case "waiting":
      return [`Waiting`, stateWords(card, now_s()).rest, noticeOf(card)].filter(Boolean).join(". ");
    case "loading":
      return "Loading the model";
    case "drawing":
      return "Drawing";
    case "done":
      return n ? `Done: ${plural(n, "picture")}` : card.sentence || "Done";
    default:
      return card.sentence;
  }
}
