// A person's words as they typed them, with the command and the flags set apart. Text in, text out; nothing is parsed.

import { h } from "./dom.js";

const PARTS = /(^\/[\w-]+)|((?:^|\s)(?:--|—|–)[a-z][\w-]*)/gi;

export function wordsView(words) {
  const view = h("p", { class: "words" });
  let from = 0;
  for (const match of words.matchAll(PARTS)) {
    view.append(
      words.slice(from, match.index),
      h("span", { class: match[1] ? "is-command" : "is-flag", text: match[0] }),
    );
    from = match.index + match[0].length;
  }
  view.append(words.slice(from));
  return view;
}
