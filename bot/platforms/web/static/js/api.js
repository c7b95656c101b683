// Talks JSON with this server. One function for each address; every failure is an Error with a sentence to show.
// A write carries a key: sent again after a broken line with the same key, it is done once. Knows no element.

const LOST = "Darkroom cannot be reached; try again in a moment.";
const LOST_WORDS = "Darkroom could not be reached. Your words are kept: try again in a moment.";
const PAUSES_MS = [400, 1200, 3000];
const BETWEEN = new Set([502, 504]); // said by something between the page and the server, which may come back

let behind_s = 0; // how far this computer's clock is behind the server's

/** Unix seconds by the server's clock, as far as this page knows it. */
export const now_s = () => Date.now() / 1000 + behind_s;

function hearClock(response) {
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return;
  const difference = date / 1000 + 0.5 - Date.now() / 1000;
  behind_s = Math.abs(difference) < 2 ? 0 : difference; // the header has whole seconds only
}

export class Refused extends Error {}

async function answer(response) {
  hearClock(response);
  if (response.status === 401 || response.redirected) {
    location.assign("/sign-in");
    throw new Refused("Please sign in again.");
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    throw new Refused(`Darkroom gave an answer this page cannot read (${response.status}). Reload the page.`);
  }
  if (!response.ok || body?.error) throw new Refused(body?.error || `Darkroom refused (${response.status}).`);
  return body;
}

async function read(address, signal) {
  let response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(LOST);
  }
  return answer(response);
}

const pause = (turn) => new Promise((done) => setTimeout(done, PAUSES_MS[turn - 1] ?? 3000));

async function post(address, body, { tries = 1, signal, type = "application/json", lost = LOST } = {}) {
  const options = { method: "POST", signal, headers: { "Content-Type": type, "X-Darkroom": "1" }, body };
  for (let turn = 1; ; turn += 1) {
    let response;
    try {
      response = await fetch(address, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (turn >= tries) throw new Error(lost);
      await pause(turn);
      continue;
    }
    if (!BETWEEN.has(response.status)) return answer(response);
    if (turn >= tries) throw new Error(lost);
    await pause(turn);
  }
}

/** A key for one thing asked. Falls back where the page is not in a secure context (plain http on a home network). */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export const me = () => read("/api/me");
export const ask = (asked) => post("/api/ask", JSON.stringify(asked), { tries: 4, lost: LOST_WORDS });
export const press = (button) => post("/api/press", JSON.stringify({ key: newKey(), button }), { tries: 4 });
export const hint = (text, signal) => post("/api/hint", JSON.stringify({ text }), { signal });
export const older = (before) => read(`/api/conversation?before=${encodeURIComponent(before)}`);
export const signInLink = () => post("/api/sign-in-link", "{}");
export const upload = (blob) => post("/api/uploads", blob, { type: "application/octet-stream" });

export function history(words, before, signal) {
  const query = new URLSearchParams({ words });
  if (before) query.set("before", before);
  return read(`/api/history?${query}`, signal);
}

export async function signOut() {
  await fetch("/sign-out", { method: "POST", headers: { "X-Darkroom": "1" } }).catch(() => null);
  location.assign("/sign-in");
}

export const pictureAt = (picture) => `/picture/${picture}.png`;
export const thumbnailAt = (picture) => `/thumbnail/${picture}.webp`;
export const animationAt = (picture) => `/animation/${picture}.webp`;
export const downloadAt = (picture) => `/picture/${picture}.png?download=1`;
