// One picture of a card: expected, developing (small previews on a canvas, smooth and a little blurred), there (sharp, faded
// in over the last preview). Its place is reserved from the first moment. Knows no card.

import { pictureAt, thumbnailAt } from "./api.js";
import { h, icon, isReduced } from "./dom.js";

const THUMBNAIL_FROM_PX = 400; // a smaller original is no dearer than its thumbnail, and exact

export class Tile {
  #tile = null;
  #preview = null;
  #canvas = null;
  #image = null;

  /** `open(tile)` shows it large; `more(tile, button)` opens its menu. */
  constructor({ open, more }) {
    this.shade = h("span", { class: "tile-shade" });
    this.openButton = h(
      "button",
      { type: "button", class: "tile-open", onclick: () => this.#tile.picture && open(this.#tile) },
      this.shade,
    );
    this.label = h("span", { class: "tile-label", "aria-hidden": "true" });
    this.more = h(
      "button",
      {
        type: "button",
        class: "tile-more",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        title: "More",
        onclick: () => more(this.#tile, this.more),
      },
      icon("more"),
    );
    this.element = h("div", { class: "tile" }, this.openButton, this.label, this.more);
  }

  update(tile, { isAlone, isMixed, fraction }) {
    this.#tile = tile;
    this.isAlone = isAlone;
    const { element } = this;
    element.dataset.number = tile.number;
    element.style.aspectRatio = isMixed ? "1" : `${tile.width_px} / ${tile.height_px}`;
    const label = tile.label || (isAlone || tile.picture ? "" : String(tile.number));
    if (this.label.textContent !== label) this.label.textContent = label;
    this.label.title = tile.label;
    this.label.hidden = !label;
    this.more.hidden = isAlone || !tile.picture || tile.buttons.length === 0;
    this.more.setAttribute("aria-label", `Actions for picture ${tile.number}`);
    this.openButton.disabled = !tile.picture;
    this.openButton.setAttribute("aria-label", named(tile));
    if (tile.picture) this.#show(tile);
    else if (tile.preview) this.#develop(tile.preview, fraction);
    element.dataset.state = tile.picture ? "there" : this.#canvas ? "developing" : "expected";
  }

  /** Tries again what could not be loaded. */
  retry() {
    if (!this.element.classList.contains("is-gone")) return;
    this.shade.textContent = "";
    this.#image = null;
    this.#show(this.#tile);
  }

  #develop(preview, fraction) {
    if (preview.rgb === this.#preview) return;
    this.#preview = preview.rgb;
    if (!this.#canvas) {
      this.#canvas = h("canvas", { class: "tile-preview", "aria-hidden": "true" });
      this.openButton.append(this.#canvas);
    }
    paint(this.#canvas, preview);
    this.#canvas.style.setProperty("--blur", `${(1.5 + 7 * (1 - (fraction ?? 0))).toFixed(1)}px`);
  }

  #show(tile) {
    if (this.#image?.dataset.picture === tile.picture) return;
    this.#image?.remove(); // another page of the history
    this.element.classList.remove("is-gone", "is-loaded");
    const isSmall = Math.max(tile.width_px, tile.height_px) <= THUMBNAIL_FROM_PX;
    const image = h("img", {
      class: "tile-image",
      alt: tile.prompt,
      decoding: "async",
      draggable: "false",
      data: { picture: tile.picture },
      width: tile.width_px,
      height: tile.height_px,
    });
    this.#image = image;
    image.addEventListener("load", () => this.#sharp(image), { once: true });
    image.addEventListener("error", () => this.#gone(image), { once: true });
    image.src = tile.is_kept && (isSmall || this.isAlone) ? pictureAt(tile.picture) : thumbnailAt(tile.picture);
    this.openButton.append(image);
  }

  #sharp(image) {
    image.classList.add("is-there");
    const canvas = this.#canvas;
    this.#canvas = null;
    if (canvas) setTimeout(() => canvas.remove(), isReduced() ? 0 : 900);
    this.element.classList.add("is-loaded");
  }

  #gone(image) {
    image.remove();
    this.element.classList.add("is-gone");
    this.shade.textContent = "This picture's file is no longer kept";
  }
}

function named(tile) {
  const label = tile.label ? ` (${tile.label})` : "";
  return tile.picture
    ? `Open picture ${tile.number}${label}: ${tile.prompt}`
    : `Picture ${tile.number}${label}, not there yet`;
}

function paint(canvas, { width_px, height_px, rgb }) {
  const bytes = atob(rgb);
  const context = canvas.getContext("2d");
  if (canvas.width !== width_px || canvas.height !== height_px)
    Object.assign(canvas, { width: width_px, height: height_px });
  const pixels = context.createImageData(width_px, height_px);
  for (let at = 0, to = 0; at + 2 < bytes.length; at += 3, to += 4) {
    pixels.data[to] = bytes.charCodeAt(at);
    pixels.data[to + 1] = bytes.charCodeAt(at + 1);
    pixels.data[to + 2] = bytes.charCodeAt(at + 2);
    pixels.data[to + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
