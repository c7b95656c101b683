// The picture that goes with the next words: uploaded, pasted, dropped or drawn; shown as a chip. Where it carries a recipe,
// offers to draw it again. Knows no card.

import * as api from "./api.js";
import { find, h, icon, iconButton } from "./dom.js";

export class Attachment {
  #turn = 0;
  id = null;
  blob = null;
  ready = Promise.resolve();

  /** `changed()` after each change; `again(words)` to draw what a picture's recipe says; `remix(attachment)`. */
  constructor({ changed, again, remix, limit_bytes }) {
    Object.assign(this, { changed, again, remix, limit_bytes });
    this.element = h("div", { class: "chips", "data-testid": "attachment" });
    this.element.hidden = true;
  }

  get isThere() {
    return !this.element.hidden;
  }

  /** Takes a picture file or blob; the newest replaces what was there. */
  take(blob, name = "picture") {
    this.ready = this.#take(blob, name);
    return this.ready;
  }

  clear() {
    this.#turn += 1;
    this.id = null;
    this.blob = null;
    if (this.thumbnail) URL.revokeObjectURL(this.thumbnail);
    this.thumbnail = null;
    this.element.hidden = true;
    this.element.replaceChildren();
    this.changed();
  }

  /** Uploads the same picture once more, where the server no longer has it. → its new id, or null. */
  async renew(old) {
    const { blob } = this;
    const id = this.id === old && (await api.upload(blob).catch(() => null))?.upload;
    if (!id || blob !== this.blob) return null;
    this.id = id;
    return id;
  }

  async #take(blob, name) {
    this.clear();
    const turn = this.#turn;
    this.blob = blob;
    this.thumbnail = URL.createObjectURL(blob);
    this.#show(name, "Uploading…", { isBusy: true });
    if (this.limit_bytes && blob.size > this.limit_bytes)
      return this.#fail(name, `This file has ${mebibytes(blob.size)}; the most is ${mebibytes(this.limit_bytes)}.`);
    try {
      const answer = await api.upload(blob);
      if (turn !== this.#turn) return;
      this.id = answer.upload;
      this.#show(name, `${answer.width_px} x ${answer.height_px} px`, { recipe: answer.recipe, words: answer.words });
      this.changed();
    } catch (error) {
      if (turn === this.#turn) this.#fail(name, error.message);
    }
  }

  #fail(name, sentence) {
    this.#show(name, sentence, { isBad: true });
    this.changed();
  }

  #show(name, line, { isBusy = false, isBad = false, recipe = null, words = null } = {}) {
    const image = h("img", { class: "chip-picture", src: this.thumbnail, alt: "" });
    image.addEventListener("error", () => image.replaceWith(icon("images")), { once: true });
    const remove = iconButton("close", "Remove the picture", () => this.clear(), { class: "icon-button is-little" });
    const body = h(
      "div",
      { class: "chip-words", role: isBad ? "alert" : "status" },
      h("span", { class: "chip-name", text: name }),
      h("span", { class: "chip-line", text: line }),
    );
    if (words) {
      body.append(
        h("span", { class: "chip-line", text: recipe || "It carries the recipe it was drawn by." }),
        h(
          "span",
          { class: "chip-buttons" },
          h(
            "button",
            {
              type: "button",
              class: "pill is-primary",
              data: { testid: "draw-again" },
              onclick: () => this.again(words),
            },
            icon("again"),
            h("span", { text: "Draw it again" }),
          ),
        ),
      );
    }
    const strength = this.id
      ? h(
          "button",
          { type: "button", class: "pill", onclick: () => this.remix(this) },
          icon("brush"),
          h("span", { text: "Remix…" }),
        )
      : null;
    this.element.replaceChildren(
      h("div", { class: `chip${isBad ? " is-bad" : ""}${isBusy ? " is-busy" : ""}` }, image, body, strength, remove),
    );
    this.element.hidden = false;
  }
}

const mebibytes = (bytes) => `${Number((bytes / 2 ** 20).toFixed(1))} MiB`;
const pictureIn = (transfer) =>
  [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? transfer?.files?.[0];

/** Drag and drop anywhere on the page, and paste. `take(file)`. */
export function startDropping(take) {
  const veil = find(".drop-here");
  find(".drop-words").append(
    icon("images"),
    h("strong", { text: "Drop your picture" }),
    h("span", { text: "It becomes the source of a remix" }),
  );
  let depth = 0;
  const isFile = (event) =>
    [...(event.dataTransfer?.types ?? [])].includes("Files") && !document.querySelector("dialog[open]");
  const show = (isShown) => {
    veil.hidden = !isShown;
  };

  addEventListener("dragenter", (event) => {
    if (!isFile(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", (event) => {
    if (!isFile(event)) return;
    depth = Math.max(0, depth - 1);
    show(depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (isFile(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    const file = pictureIn(event.dataTransfer);
    if (file) take(file);
  });
  addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    take(file);
  });
}
