// What the page knows of a button's id, "<verb>:<target>": its icon, and the buttons of a picture in the gallery, which
// come without any. The server's table of them is bot/buttons.py. Pure.

const ICONS = {
  show: "eye",
  "vary-strong": "spark",
  subtle: "spark",
  again: "again",
  remix: "brush",
  x2: "grow",
  x4: "grow",
  refine: "grow",
  recipe: "note",
  file: "download",
  animation: "film",
  delete: "trash",
  cancel: "close",
  go: "check",
  no: "close",
  page: "right",
};

export function readButton(id) {
  const at = id.indexOf(":");
  return { verb: id.slice(0, at), target: id.slice(at + 1) };
}

export const iconOf = (id) => ICONS[readButton(id).verb] ?? null;
export const requestOf = (picture) => picture.split(".")[0];

/** A picture's full name: the bare request means its first. */
export const fullName = (picture) => (picture.includes(".") ? picture : `${picture}.1`);

/** All that can be done with one finished picture. `isKept`: its file is still there. */
export function buttonsOf(picture, { hasAnimation, isKept }) {
  const all = [
    ["again", "Again", "Draw it again with a new seed", true],
    ["subtle", "Vary subtle", "Four variations, a little repainted", isKept],
    ["vary-strong", "Vary strong", "Four variations, much repainted", isKept],
    ["remix", "Remix", "Redraw this picture with other words", isKept],
    ["x2", "Upscale 2x", "Enlarge to twice the size", isKept],
    ["x4", "Upscale 4x", "Enlarge to four times the size", isKept],
    ["refine", "Refine 2x", "Enlarge to twice the size and redraw the details", isKept],
    ["recipe", "Recipe", "Show the recipe with its seed", true],
    ["animation", "Development", "Watch the picture develop from noise", isKept && hasAnimation],
    ["file", "Download", "Download the original PNG", isKept],
  ];
  return all
    .filter(([, , , isThere]) => isThere)
    .map(([verb, label, name]) => ({ id: `${verb}:${picture}`, label, name, style: "secondary" }));
}
