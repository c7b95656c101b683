// What a press does. Four verbs are the page's own first: remix opens its window, a file is downloaded, an animation is watched,
// a delete is asked about. All else is the server's. Knows cards and windows; not how they look.

import * as api from "./api.js";
import { confirmed } from "./dialog.js";
import { h } from "./dom.js";
import { openRemix } from "./remix.js";
import { toast } from "./toast.js";
import { fullName, readButton } from "./verbs.js";

/** `take(answer, { button, pressed, since_ms })` shows an answer; `watch(card, picture)` shows an animation; `ask(asked)` sends, and is rejected with what was refused. → press(button, card). */
export function pressing({ take, watch, ask }) {
  async function send(button, card) {
    const since_ms = performance.now();
    try {
      take(await api.press(button.id), { button, pressed: card, since_ms });
    } catch (error) {
      toast(error.message, { isBad: true });
    }
  }

  return async function press(button, card) {
    const { verb, target } = readButton(button.id);
    switch (verb) {
      case "remix":
        return openRemix({
          source: api.pictureAt(fullName(target)),
          ...found(card, target),
          send: (values) => ask({ command: "remix", values: { source: fullName(target), ...values } }),
        });
      case "file":
        return download(fullName(target));
      case "animation":
        return watch(card, fullName(target));
      case "delete":
        if (await confirmed(DELETING)) await send(button, card);
        return;
      default:
        return send(button, card);
    }
  };
}

const DELETING = {
  title: "Delete this message?",
  words: "Its pictures go with it, from the history as well. Nobody can bring them back.",
  yes: "Delete",
  isDanger: true,
};

function found(card, target) {
  const tile = card?.tiles?.find((one) => one.picture === fullName(target)) ?? card?.tiles?.[0];
  return { prompt: tile?.prompt ?? "", strength: tile?.strength ?? null };
}

function download(picture) {
  const link = h("a", { href: api.downloadAt(picture), download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
