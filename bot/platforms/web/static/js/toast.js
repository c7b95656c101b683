// Short words that come and go ("Copied"), and what is said to a screen reader. Knows no card.

import { find, h } from "./dom.js";

const SHOWN_MS = 2600;

export function toast(words, { isBad = false } = {}) {
  const element = h("div", { class: `toast${isBad ? " is-bad" : ""}`, text: words });
  const holder = document.querySelector("dialog[open]:last-of-type .toasts-inside") ?? find(".toasts");
  holder.append(element);
  setTimeout(() => element.classList.add("is-going"), isBad ? SHOWN_MS * 2 : SHOWN_MS);
  setTimeout(() => element.remove(), (isBad ? SHOWN_MS * 2 : SHOWN_MS) + 400);
}

let quiet = 0;

/** Says it politely; what was said before it is replaced. */
export function announce(words) {
  const element = find("[aria-live=polite]");
  element.textContent = "";
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    element.textContent = words;
  }, 60);
}

export async function copy(text, words = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copiedByHand(text))
      return toast("Your browser does not let this page copy. Select the text instead.", { isBad: true });
  }
  toast(words);
}

function copiedByHand(text) {
  // where the clipboard needs https
  const box = h("textarea", { class: "unseen" });
  box.value = text;
  (document.querySelector("dialog[open]:last-of-type") ?? document.body).append(box);
  const before = document.activeElement;
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  before?.focus?.();
  return isCopied;
}
