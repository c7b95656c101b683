// What was being typed and what was sent, kept over a reload of this tab; and going back through what was sent. Knows no
// element.

const DRAFT = "darkroom.draft";
const SENT = "darkroom.sent";
const MOST_SENT = 30;

export const draft = () => remembered(DRAFT, "");
export const keepDraft = (words) => remember(DRAFT, words);

/** What was sent, newest first, and where somebody is who goes back through it. */
export class Sent {
  #sent = remembered(SENT, []);
  #back = -1;

  add(words) {
    this.#back = -1;
    if (!words) return;
    this.#sent = [words, ...this.#sent.filter((one) => one !== words)].slice(0, MOST_SENT);
    remember(SENT, this.#sent);
  }

  /** The next older (`by` 1) or newer (-1) words; null where there are none, or `words` are somebody's own. */
  recall(words, by) {
    const isFresh = words === "" || (this.#back >= 0 && words === this.#sent[this.#back]);
    const to = this.#back + by;
    if (!isFresh || to < -1 || to >= this.#sent.length) return null;
    this.#back = to;
    return to === -1 ? "" : this.#sent[to];
  }

  /** Somebody types: what they have is their own. */
  leave() {
    this.#back = -1;
  }
}

function remember(name, what) {
  try {
    sessionStorage.setItem(name, JSON.stringify(what));
  } catch {
    // no storage, or full: only a reload would notice
  }
}

function remembered(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
