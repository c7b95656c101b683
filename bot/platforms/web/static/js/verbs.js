// What the page knows of a button's id, "<verb>:<target>": its icon. The server's table of them is bot/buttons.py. Pure.

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
  link: "link",
  forget: "trash",
  collect: "download",
};

export function readButton(id) {
  const at = id.indexOf(":");
  return { verb: id.slice(0, at), target: id.slice(at + 1) };
}

export const iconOf = (id) => ICONS[readButton(id).verb] ?? null;
export const requestOf = (picture) => picture.split(".")[0];

/** A picture's full name: the bare request means its first. */
export const fullName = (picture) => (picture.includes(".") ? picture : `${picture}.1`);
