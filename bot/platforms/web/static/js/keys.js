// Keys: what is sent again under the same key is done once. The key of an action is kept until its answer has come, over a
// reload too, for as long as somebody may still be trying. Knows not what is done.

const KEPT = "darkroom.unanswered";
const KEPT_MS = 10 * 60 * 1000;
const MOST = 20;

const sending = new Set(); // the same action twice on purpose is two
let here = []; // where the browser keeps nothing for a page

/** A key for `action`: a new one, or the one under which the same action was sent and never answered. */
export function keyFor(action) {
  const kept = unanswered();
  const key = kept.find((one) => one.action === action && !sending.has(one.key))?.key ?? newKey();
  sending.add(key);
  remember([{ action, key, at_ms: Date.now() }, ...kept.filter((one) => one.key !== key)].slice(0, MOST));
  return key;
}

/** It is known what came of it (`isAnswered`), or nobody knows, and nothing is being sent. */
export function settle(key, isAnswered) {
  sending.delete(key);
  if (isAnswered) remember(unanswered().filter((one) => one.key !== key));
}

/** Falls back where the page is not in a secure context (plain http on a home network). */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function unanswered() {
  try {
    here = JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    // no storage
  }
  return here.filter((one) => Math.abs(Date.now() - one.at_ms) < KEPT_MS);
}

function remember(kept) {
  here = kept;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  } catch {
    // no storage, or full
  }
}
