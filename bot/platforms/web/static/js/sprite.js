// The icons: fetched once when the page opens and kept in it, so that none is missing while the server cannot be reached.
// Knows no icon by its name.

const FILE = "/static/icons.svg";
const AGAIN_MS = 2000;

export const iconAt = (name) => `#icon-${name}`;

/** Puts every icon into the page; asks until the server answers. */
export async function loadSprite() {
  for (;;) {
    try {
      const response = await fetch(FILE);
      if (response.ok) return keep(await response.text());
    } catch {
      // asked again below
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

function keep(text) {
  const sprite = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  for (const symbol of sprite.querySelectorAll("symbol")) symbol.id = iconAt(symbol.id).slice(1);
  sprite.setAttribute("hidden", "");
  document.body.prepend(sprite);
}
