// The pictures of a card in 1, 2, 2 x 2 or more, kept by number so that a newer card touches only what changed. Knows no card.

import { h } from "./dom.js";
import { Tile } from "./tile.js";

/** Columns and the longest side of a tile in CSS pixels, for n pictures. */
function layout(n) {
  if (n === 1) return { columns: 1, side_px: 420 };
  if (n === 2) return { columns: 2, side_px: 260 };
  if (n === 3) return { columns: 3, side_px: 200 };
  if (n <= 4) return { columns: 2, side_px: 220 };
  if (n <= 9) return { columns: 3, side_px: 190 };
  return { columns: 4, side_px: 160 };
}

export class Tiles {
  #tiles = new Map();
  #cover = null;
  #isShown = false;

  constructor(hands) {
    this.hands = hands;
    this.element = h("div", { class: "tiles" });
    this.element.hidden = true;
  }

  /** Pictures of a place with spoilers are blurred until somebody wants to see them. */
  cover(isSpoiler) {
    const isCovered = isSpoiler && !this.#isShown && this.#tiles.size > 0;
    this.element.classList.toggle("is-covered", isCovered);
    for (const { element } of this.#tiles.values()) element.inert = isCovered;
    if (!isCovered) {
      this.#cover?.remove();
      this.#cover = null;
      return;
    }
    this.#cover ??= h("button", { class: "cover", type: "button", text: "Spoiler: show" });
    this.#cover.onclick = () => {
      this.#isShown = true;
      this.cover(isSpoiler);
    };
    this.element.append(this.#cover);
  }

  update(tiles, fraction) {
    this.element.hidden = tiles.length === 0;
    const isMixed = new Set(tiles.map((tile) => tile.width_px / tile.height_px)).size > 1;
    this.element.classList.toggle("is-mixed", isMixed);
    if (tiles.length) this.#size(tiles, isMixed);
    const numbers = new Set(tiles.map((tile) => tile.number));
    for (const [number, there] of this.#tiles) {
      if (numbers.has(number)) continue;
      there.element.remove();
      this.#tiles.delete(number);
    }
    const isAlone = tiles.length === 1;
    tiles.forEach((tile, index) => this.#put(tile, index, { isAlone, isMixed, fraction }));
  }

  retry() {
    for (const tile of this.#tiles.values()) tile.retry();
  }

  #put(tile, index, how) {
    let there = this.#tiles.get(tile.number);
    if (!there) {
      there = new Tile(this.hands);
      this.#tiles.set(tile.number, there);
    }
    there.update(tile, how);
    const at = this.element.children[index];
    if (at !== there.element) this.element.insertBefore(there.element, at ?? null);
  }

  #size(tiles, isMixed) {
    const { columns, side_px } = layout(tiles.length);
    const ratio = isMixed ? 1 : Math.max(...tiles.map((tile) => tile.width_px / tile.height_px));
    const width_px = Math.round(side_px * Math.min(1.35, ratio));
    this.element.dataset.columns = columns;
    this.element.style.setProperty("--columns", columns);
    this.element.style.setProperty("--width", `${columns * width_px + (columns - 1) * 6}px`);
  }
}
