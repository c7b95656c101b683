// The message box: grows, completes, hints, remembers its draft and what was sent, and holds a picture. Knows no card and not
// where words go.

import * as api from "./api.js";
import { Attachment } from "./attachments.js";
import { completions } from "./completions.js";
import { draft, keepDraft, Sent } from "./drafts.js";
import { debounced, h, icon, isCoarse, say } from "./dom.js";
import { openMenu } from "./menu.js";
import { Popup } from "./popup.js";
import { plural } from "./words.js";

const HINT_AFTER_MS = 250;
const TITLES = { command: "Commands", flag: "Options", choice: "Choices" };

export class Composer {
  #sent = new Sent();
  #hinting = null;
  #isDismissed = false;
  #isPictureFailed = false; // said once: the next Enter sends without it

  /** `send(asked)` → a promise of the answer, rejected where nothing was sent; `sketch()`, `form(words)`, `remix(attachment)` open windows. */
  constructor(holder, { me, send, sketch, form, remix }) {
    Object.assign(this, { commands: me.commands, most_chars: me.limits.prompt_chars, send, sketch, form });
    this.attachment = new Attachment({
      changed: () => this.#changed(),
      again: (words) => this.#drawAgain(words),
      remix,
      limit_bytes: me.limits.upload_bytes,
    });
    this.#build(holder);
    this.hint = debounced(() => this.#askHint(), HINT_AFTER_MS);
    this.write(draft(), { isQuiet: true });
    if (!isCoarse()) this.box.focus({ preventScroll: true });
  }

  /** Puts words into the box with the caret at their end. */
  write(words, { isQuiet = false } = {}) {
    this.box.value = words;
    this.#changed();
    if (isQuiet) return;
    this.box.focus();
    this.box.setSelectionRange(words.length, words.length);
    this.#complete();
  }

  /** Sends words as if typed; a draft that was there comes back. */
  async sendNow(words) {
    const draft = this.box.value;
    this.write(words);
    await this.#submit();
    if (draft && !this.box.value) this.write(draft, { isQuiet: true });
  }

  get words() {
    return this.box.value;
  }

  /** Takes a picture as the source of what is asked next. */
  async attach(blob, name) {
    const taken = this.attachment.take(blob, name);
    if (!this.box.value.trim()) this.write("/remix ");
    else this.box.focus();
    await taken;
  }

  #build(holder) {
    this.box = h("textarea", {
      id: "message-box",
      class: "box",
      rows: "1",
      "aria-label": "Message Darkroom",
      "aria-describedby": "composer-hint",
      autocomplete: "off",
      autocapitalize: "sentences",
      spellcheck: "true",
      enterkeyhint: "send",
    });
    this.popup = new Popup(this.box, (item) => this.#pick(item));
    this.hintLine = h("span", { id: "composer-hint", class: "hint", "data-testid": "hint" });
    this.error = h("p", { class: "composer-error", role: "alert", "data-testid": "composer-error" });
    this.error.hidden = true;
    this.sendButton = h(
      "button",
      { type: "button", class: "send", "aria-label": "Send", title: "Send (Enter)", onclick: () => this.#submit() },
      icon("send"),
    );
    this.file = h("input", {
      type: "file",
      accept: "image/*",
      "aria-label": "Picture file",
      tabindex: "-1",
      "data-testid": "file",
      class: "unseen",
    });
    const plus = h(
      "button",
      {
        type: "button",
        class: "icon-button plus",
        "aria-label": "Add a picture, a sketch or a form",
        title: "Add",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        onclick: () => this.#plus(plus),
      },
      icon("plus"),
    );
    holder.append(
      h(
        "div",
        { class: "composer-inner" },
        this.popup.element,
        this.error,
        this.attachment.element,
        h("div", { class: "box-holder" }, plus, this.box, this.sendButton),
        h(
          "div",
          { class: "under" },
          this.hintLine,
          h("span", { class: "keys", "aria-hidden": "true", text: "Enter sends · Shift+Enter makes a new line" }),
        ),
        this.file,
      ),
    );
    this.file.addEventListener("change", () => {
      if (this.file.files[0]) this.attach(this.file.files[0], this.file.files[0].name);
      this.file.value = "";
    });
    this.box.addEventListener("input", () => {
      this.#sent.leave();
      this.#isDismissed = false;
      this.#changed();
      this.#complete();
    });
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("blur", () => this.popup.hide());
    this.box.addEventListener("click", () => this.#complete());
    this.box.addEventListener("keyup", (event) => {
      if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.#complete();
    });
  }

  #plus(button) {
    openMenu(
      button,
      [
        { label: "Upload a picture", icon: "upload", act: () => this.file.click() },
        { label: "Draw a sketch", icon: "brush", act: () => this.sketch() },
        { label: "Fill in a form", icon: "form", act: () => this.form(this.box.value) },
      ],
      { title: "Add" },
    );
  }

  #key(event) {
    if (event.isComposing) return;
    const { popup } = this;
    if (popup.isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp"))
      popup.move(event.key === "ArrowDown" ? 1 : -1);
    else if (popup.isOpen && event.key === "Escape") {
      this.#isDismissed = true;
      popup.hide();
    } else if (popup.isOpen && event.key === "Tab" && !event.shiftKey) this.#pick(popup.current);
    else if (event.key === "Enter" && !event.shiftKey) this.#enter();
    else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && this.#recall(event.key === "ArrowUp" ? 1 : -1)) {
      /* recalled */
    } else return;
    event.preventDefault();
  }

  #enter() {
    const item = this.popup.isOpen ? this.popup.current : null;
    if (item && this.#picksOnEnter(item)) this.#pick(item);
    else this.#submit();
  }

  #picksOnEnter(item) {
    if (this.popup.hasMoved) return true;
    const { from, to, kind } = this.found;
    const typed = this.box.value.slice(from, to);
    if (kind === "command") return !(item.isReady && typed === item.value);
    return typed.length > 0 && typed !== item.value && kind === "flag";
  }

  #recall(by) {
    const words = this.#sent.recall(this.box.value, by);
    if (words === null) return false;
    this.write(words);
    this.popup.hide();
    return true;
  }

  #pick(item) {
    const { from, to } = this.found;
    const { value } = this.box;
    const rest = value.slice(to);
    this.box.value = `${value.slice(0, from)}${item.value} ${rest.trimStart()}`;
    const caret = from + item.value.length + 1;
    this.box.setSelectionRange(caret, caret);
    this.box.focus();
    this.#changed();
    this.#complete();
  }

  #complete() {
    this.found = completions(this.commands, this.box.value, this.box.selectionStart);
    if (this.#isDismissed || document.activeElement !== this.box) return this.popup.hide();
    this.popup.show(this.found.items, TITLES[this.found.kind] ?? "");
    if (this.found.hint) this.#showHint(this.found.hint);
  }

  #changed() {
    grow(this.box);
    keepDraft(this.box.value);
    const isEmpty = !this.box.value.trim() && !this.attachment.isThere;
    this.sendButton.disabled = isEmpty;
    this.box.placeholder = this.attachment.isThere
      ? "Say what it should become…"
      : innerWidth < 600
        ? "Describe a picture"
        : "Describe a picture, or type / for commands";
    this.error.hidden = true;
    this.#isPictureFailed = false;
    if (!this.box.value.trim()) this.#showHint("");
    else this.hint();
  }

  async #askHint() {
    const text = this.box.value;
    this.#hinting?.abort();
    if (!text.trim() || /^\/\S*$/.test(text)) return this.#showHint("");
    this.#hinting = new AbortController();
    try {
      const { sentence, is_refusal, n_pictures } = await api.hint(text, this.#hinting.signal);
      if (text !== this.box.value || (this.found?.hint && !is_refusal)) return;
      this.#showHint(sentence || (n_pictures > 1 ? plural(n_pictures, "picture") : ""), is_refusal);
    } catch {
      // a hint is no more than that
    }
  }

  #showHint(sentence, isBad = false) {
    say(this.hintLine, sentence ?? "");
    this.hintLine.classList.toggle("is-bad", isBad);
    this.hintLine.parentElement?.classList.toggle("has-hint", Boolean(sentence));
  }

  async #submit() {
    const text = this.box.value.trim();
    if (!text && !this.attachment.isThere) return;
    if (text.length > 100_000)
      return this.#fail(
        new Error(
          `These are ${text.length.toLocaleString("en")} characters; the most is ${this.most_chars.toLocaleString("en")}.`,
        ),
      );
    this.popup.hide();
    await this.attachment.ready;
    if (this.attachment.isThere && !this.attachment.id) {
      if (!this.#isPictureFailed || !text) return this.#failPicture(text);
      this.attachment.clear();
    }
    const asked = { text, uploads: this.attachment.id ? [this.attachment.id] : [], answered: null };
    const { blob } = this.attachment;
    this.#sent.add(text);
    this.write("");
    try {
      const card = await this.send(asked);
      if (this.attachment.blob === blob && !card.is_refusal) this.attachment.clear(); // the mended words go with it too
    } catch (error) {
      if (!this.box.value) this.write(text);
      this.#fail(error);
    }
  }

  #drawAgain(words) {
    this.attachment.clear();
    this.write(words);
  }

  #failPicture(text) {
    const without = text ? ", or press Enter again to send the words without it" : "";
    this.#fail(new Error(`The picture could not be taken: remove it${without}.`));
    this.#isPictureFailed = true;
    this.box.focus();
  }

  #fail(error) {
    this.error.replaceChildren(icon("warn"), h("span", { text: error.message }));
    this.error.hidden = false;
  }
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, Math.round(innerHeight * 0.4))}px`;
}
