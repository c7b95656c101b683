// The list of messages: kept by request id, newest at the bottom, older ones loaded when scrolled up, the oldest let go past
// 300. Stays at the bottom unless the person scrolled up. Knows neither the server's events nor what a press does.

import * as api from "./api.js";
import { asked, CardView, isLive } from "./cards.js";
import { find, h, icon, isReduced } from "./dom.js";
import { isNotice, NoticeView } from "./notice.js";
import { News } from "./news.js";
import { toast } from "./toast.js";

const MOST_CARDS = 300;
const NEAR_PX = 90;
const OLDER_FROM_PX = 600;
const PENDING_AFTER_MS = 250;

export class Conversation {
  #views = new Map(); // request id → CardView, in the order shown
  #pending = new Set();
  #hasOlder = false;
  #isLoadingOlder = false;
  #isStuck = true;
  #hasBegun = false;
  #n_unseen = 0;
  #seen = { top: 0, height: 0 };
  #heldAt = null; // where an answer is read from its beginning, however near the end that is
  #news = new News();

  /** `hands` as a CardView's; `changed(n_live)` is told how many are being made; `empty(isEmpty, hasOlder)`. */
  constructor(hands, { changed, begun }) {
    this.hands = {
      ...hands,
      dismiss: (view) => this.#drop(view),
      edit: (words, view) => {
        this.#drop(view);
        hands.edit(words);
      },
    };
    this.changed = changed;
    this.begun = begun;
    this.scroller = find(".scroller");
    this.list = find(".messages");
    this.pill = find(".to-newest");
    this.olderLine = find(".older");
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.pill.addEventListener("click", () => this.toNewest());
    new ResizeObserver(() => this.#stick()).observe(this.list);
    new ResizeObserver(() => this.#stick()).observe(this.scroller);
    setInterval(() => this.#tick(), 1000);
  }

  /** What is there, oldest first, from the server's own list. */
  reset({ cards, has_older }) {
    const ids = new Set(cards.map((card) => card.id));
    const from_s = cards[0]?.created_s ?? Infinity;
    for (const [id, view] of this.#views) {
      const isOlderThere = has_older && view.card.created_s < from_s;
      if (!ids.has(id) && view.card.id !== "" && !isOlderThere) this.#drop(view);
    }
    for (const card of cards) this.upsert(card, { isQuiet: true });
    if (!this.#hasBegun || this.#views.size <= cards.length) this.#hasOlder = has_older;
    this.#hasBegun = true;
    this.list.removeAttribute("aria-busy");
    this.#tell();
  }

  /** The newest truth about a card; unknown ones go to the bottom. An answer to what was asked at `since_ms` (of
   * performance.now) is old where an event about the same card has been heard after that. */
  upsert(card, { isQuiet = false, since_ms = Infinity } = {}) {
    const key = card.id || `private-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
    const view = this.#views.get(key);
    const before = view?.card.state;
    if (view && view.heard_ms > since_ms) return;
    if (view) this.#update(view, card);
    else if (!isQuiet && card.id && this.#isOfOlder(card)) return;
    else this.#append(key, card);
    if (!isQuiet) this.#news.hear(card, before);
    if (!isQuiet) this.#tell();
  }

  /** Puts an answer in the place of another that is not kept: a page of history turned. → whether it was there. */
  replace(card, by) {
    const view = [...this.#views.values()].find((one) => one.card === card);
    view?.update({ ...by, words: card.words });
    if (view) this.#news.hear(by);
    return Boolean(view);
  }

  remove(id) {
    const view = this.#views.get(id);
    if (view) this.#drop(view);
  }

  /** Shows a person's words until `promise` has the card; short ones are never seen. → what it resolves to. */
  async pending(words, asker, promise) {
    const entry = { words, element: null };
    this.#pending.add(entry);
    const timer = setTimeout(() => {
      entry.element = h(
        "article",
        { class: "message is-pending", "aria-label": "Sending" },
        asked({ asker, words, created_s: api.now_s() }),
        h("p", { class: "sending", text: "Sending…" }),
      );
      this.list.append(entry.element);
    }, PENDING_AFTER_MS);
    this.toNewest();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      entry.element?.remove();
      this.#pending.delete(entry);
    }
  }

  has(id) {
    return this.#views.has(id);
  }

  card(id) {
    return this.#views.get(id)?.card;
  }

  /** Goes to a message and gives it focus. */
  goTo(id) {
    const view = this.#views.get(id);
    if (!view) return;
    this.#isStuck = false;
    view.element.scrollIntoView({ block: "center", behavior: isReduced() ? "auto" : "smooth" });
    view.element.focus({ preventScroll: true });
    view.element.classList.add("is-found");
    setTimeout(() => view.element.classList.remove("is-found"), 1800);
  }

  toNewest() {
    this.#isStuck = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#showPill();
  }

  /** Goes to an answer that is the last message: to its end, or to its beginning where it is higher than the window. */
  toAnswer() {
    const last = this.list.lastElementChild;
    this.toNewest();
    const isCut = () => last.getBoundingClientRect().top < this.scroller.getBoundingClientRect().top;
    if (!last?.matches(".is-private") || !isCut()) return;
    this.#isStuck = false;
    last.scrollIntoView({ block: "start" });
    this.#heldAt = this.scroller.scrollTop;
  }

  /** The chat came into sight again: where it was at the bottom, it still is. */
  shown() {
    this.#stick();
  }

  retryPictures() {
    for (const view of this.#views.values()) view.retry();
  }

  #append(key, card) {
    for (const entry of this.#pending) if (entry.words === card.words) entry.element?.remove();
    const view = this.#view(key, card);
    view.heard_ms = performance.now();
    this.#views.set(key, view);
    this.list.append(view.element);
    if (!this.#isStuck) this.#n_unseen += 1;
    this.#trim();
    this.#showPill();
  }

  #view(key, card) {
    const view = isNotice(card) ? new NoticeView(card) : new CardView(card, this.hands);
    return Object.assign(view, { key });
  }

  #update(view, card) {
    view.heard_ms = performance.now();
    view.update(card);
  }

  #drop(view) {
    if (view.element.contains(document.activeElement))
      (view.element.nextElementSibling ?? this.scroller).focus?.({ preventScroll: true });
    view.element.remove();
    this.#views.delete(view.key);
    this.#tell();
  }

  #trim() {
    if (!this.#isStuck) return;
    for (const view of this.#views.values()) {
      if (this.#views.size <= MOST_CARDS) return;
      view.element.remove();
      this.#views.delete(view.key);
      this.#hasOlder = true;
    }
  }

  #oldest() {
    for (const view of this.#views.values()) if (view.card.id) return view.card;
    return null;
  }

  /** It belongs to what is not loaded. One that is done is news all the same: it waited long, or was collected here. */
  #isOfOlder(card) {
    const oldest = this.#oldest();
    return this.#hasOlder && oldest !== null && card.created_s < oldest.created_s && card.state !== "done";
  }

  #tell() {
    const live = [...this.#views.values()].filter((view) => isLive(view.card)).length;
    this.changed(live);
    this.begun({ n_cards: this.#views.size, hasOlder: this.#hasOlder });
  }

  #tick() {
    this.#news.tick();
    if (document.hidden) return;
    for (const view of this.#views.values()) if (isLive(view.card)) view.tick();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const isUp = scrollTop < this.#seen.top - 1 && scrollHeight === this.#seen.height; // by the person: nothing grew or went
    this.#seen = { top: scrollTop, height: scrollHeight };
    if (scrollTop !== this.#heldAt) this.#heldAt = null;
    if (this.#heldAt === null && scrollHeight - scrollTop - clientHeight < NEAR_PX) this.#isStuck = true;
    else if (isUp) this.#isStuck = false;
    if (this.#isStuck) this.#n_unseen = 0;
    this.#showPill();
    if (scrollTop < OLDER_FROM_PX && this.#hasOlder && !this.#isStuck) this.#loadOlder();
  }

  #stick() {
    if (this.#isStuck) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #showPill() {
    this.pill.hidden = this.#isStuck;
    const words = this.#n_unseen ? `${this.#n_unseen} new` : "Jump to newest";
    if (this.pill.dataset.words === words) return;
    this.pill.dataset.words = words;
    this.pill.replaceChildren(icon("down"), h("span", { text: words }));
  }

  async #loadOlder() {
    const oldest = this.#oldest();
    if (this.#isLoadingOlder || !oldest) return;
    this.#isLoadingOlder = true;
    this.olderLine.hidden = false;
    try {
      const { cards, has_older } = await api.older(oldest.id);
      this.#prepend(cards.filter((card) => !this.#views.has(card.id)));
      this.#hasOlder = has_older;
    } catch (error) {
      toast(error.message, { isBad: true });
      await new Promise((done) => setTimeout(done, 3000));
    }
    this.olderLine.hidden = true;
    this.#isLoadingOlder = false;
    this.#tell();
  }

  #prepend(cards) {
    const views = cards.map((card) => this.#view(card.id, card));
    const first = this.list.firstElementChild;
    const top = first?.getBoundingClientRect().top ?? 0;
    this.scroller.classList.add("is-growing"); // no anchoring by the browser as well
    this.list.prepend(...views.map((view) => view.element));
    if (first) this.scroller.scrollTop += first.getBoundingClientRect().top - top;
    requestAnimationFrame(() => this.scroller.classList.remove("is-growing"));
    this.#views = new Map([...views.map((view) => [view.key, view]), ...this.#views]);
  }
}
