// A file that goes with an answer: a chart or an export, which is there for an hour, or one of a picture of ours: the original,
// how it developed. Knows no card.

import { animationAt, paperAt, pictureAt } from "./api.js";
import { h, icon } from "./dom.js";
import { toast } from "./toast.js";
import { bytes } from "./words.js";

const GONE = "This file is no longer there; ask for it again.";
const NOT_KEPT = "This file is no longer kept.";

const AT = { paper: paperAt, picture: pictureAt, animation: animationAt };

const isPicture = (paper) => paper.media_type.startsWith("image/");
const isForAnHour = (paper) => paper.kind === "paper";
const gone = (paper) => (isForAnHour(paper) ? GONE : NOT_KEPT);
const addressOf = (paper) => AT[paper.kind](paper.name);
const savedAt = (paper) => `${addressOf(paper)}?download=1`;

/** `enlarge(view)` shows a picture large. */
export function paperView(paper, { enlarge }) {
  const about = h(
    "span",
    { class: "paper-about" },
    h("span", { class: "paper-name", text: paper.download_name }),
    h("span", { class: "paper-size", text: bytes(paper.n_bytes) }),
  );
  const line = h("div", { class: "paper-line" }, icon("file"), about, saveButton(paper));
  return h(
    "div",
    { class: "paper", data: { paper: paper.name } },
    isPicture(paper) ? picture(paper, enlarge) : null,
    line,
  );
}

/** As the lightbox takes it. */
export const viewOfPaper = (paper, { width_px, height_px }) => ({
  address: addressOf(paper),
  prompt: paper.alt || paper.download_name,
  width_px,
  height_px,
  is_kept: true,
  buttons: [],
  save: () => save(paper),
});

function picture(paper, enlarge) {
  const image = h("img", { class: "paper-image", src: addressOf(paper), alt: paper.alt, draggable: "false" });
  const open = h(
    "button",
    {
      type: "button",
      class: `paper-open${isForAnHour(paper) ? "" : " is-own-size"}`, // a chart is as wide as there is room
      "aria-label": `Open large: ${paper.alt || paper.download_name}`,
      onclick: () => enlarge(viewOfPaper(paper, { width_px: image.naturalWidth, height_px: image.naturalHeight })),
    },
    image,
  );
  image.addEventListener("error", () => open.replaceWith(h("p", { class: "paper-gone", text: gone(paper) })), { once: true });
  return open;
}

function saveButton(paper) {
  const button = h(
    "button",
    {
      type: "button",
      class: `pill${isPicture(paper) ? "" : " is-primary"}`,
      "aria-label": `Download ${paper.download_name}`,
      onclick: () => save(paper),
    },
    icon("download"),
    h("span", { text: "Download" }),
  );
  return button;
}

/** Looks first whether it is there: a browser would save the sentence that says it is not. */
async function save(paper) {
  const found = await fetch(savedAt(paper), { method: "HEAD" }).catch(() => null);
  if (!found) return toast("Darkroom cannot be reached; try again in a moment.", { isBad: true });
  if (!found.ok) return toast(gone(paper), { isBad: true });
  const link = h("a", { href: savedAt(paper), download: paper.download_name });
  document.body.append(link);
  link.click();
  link.remove();
}
