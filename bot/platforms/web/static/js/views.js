// A card's tiles and the gallery's pictures → what the lightbox shows. Pure.

import { requestOf } from "./verbs.js";

export function viewOfTile(card, tile) {
  return {
    picture: tile.picture,
    prompt: tile.prompt,
    seed: tile.seed,
    label: tile.label,
    model: "",
    created_s: 0,
    width_px: tile.width_px,
    height_px: tile.height_px,
    has_animation: tile.has_animation,
    is_kept: tile.is_kept,
    strength: tile.strength,
    card,
    request: requestOf(tile.picture),
    buttons: tile.buttons,
  };
}

export function viewOfPicture(one) {
  return {
    ...one,
    card: null,
    request: requestOf(one.picture),
    strength: null,
  };
}

/** All pictures of a card that are there; the labelled grid of a comparison first, if it has one. */
export const viewsOf = (card) => card.tiles.filter((tile) => tile.picture).map((tile) => viewOfTile(card, tile));
