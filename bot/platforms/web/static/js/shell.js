// What stands around the views: how busy the engine is, the line that may be lost, the title, and a last word after everything
// was deleted. Knows no card.

import { find, say } from "./dom.js";

const FAREWELL = "darkroom.farewell";

export function showModel({ model, model_note }) {
  say(find(".engine-model"), model);
  find(".engine").title = model_note ?? "";
}

export function showStatus({ n_waiting, n_running, is_engine_ready, is_paused }) {
  const counts = [
    is_paused ? "Paused" : "",
    n_running ? `${n_running}\u00a0drawing` : "",
    n_waiting ? `${n_waiting}\u00a0waiting` : "",
  ]
    .filter(Boolean)
    .join(", ");
  say(find(".engine-queue"), counts || (is_engine_ready ? "Ready" : "Starting…"));
  find(".engine").dataset.state = is_paused ? "paused" : counts ? "busy" : is_engine_ready ? "ready" : "starting";
}

/** → whether the line was lost and is there again. */
export function showLine(isUp) {
  const line = find(".link-lost");
  const isBack = isUp && !line.hidden;
  line.hidden = isUp;
  return isBack;
}

export function showTitle(n_live) {
  const title = n_live ? `(${n_live}) Darkroom` : "Darkroom";
  if (document.title !== title) document.title = title;
}

/** Everything about this person is deleted, and with it what the page holds; it begins anew, with this last answer. */
export function leave(card) {
  try {
    sessionStorage.clear();
    sessionStorage.setItem(FAREWELL, JSON.stringify(card));
  } catch {
    // no storage: there was nothing in it
  }
  location.replace("/"); // who was signed in is sent to sign in from there
}

/** The answer with which the page began anew, once; null if it did not. */
export function farewell() {
  try {
    const card = JSON.parse(sessionStorage.getItem(FAREWELL));
    sessionStorage.removeItem(FAREWELL);
    return card;
  } catch {
    return null;
  }
}
