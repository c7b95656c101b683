// Talks JSON with this server. One function for each address; every failure is an Error with a sentence to show.
// What is asked and pressed carries a key: sent again after a broken line, it is done once. Knows no element.

import { keyFor, settle } from "./keys.js";

const LOST = "Darkroom cannot be reached; try again in a moment.";
const LOST_WORDS = "Darkroom could not be reached. Your words are kept: try again in a moment.";
const PAUSES_MS = [400, 1200, 3000, 5000, 8000]; // together longer than a restart
const TROUBLE = "trouble"; // the kind of a card that says that it broke on the server's side
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

export class Refused extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

function answer(response, text) {
  hearClock(response);
  if (response.status === 401 || response.redirected) {
    location.assign("/sign-in");
    throw new Refused("Please sign in again.", 401);
  }
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refused(
      `Darkroom gave an answer this page cannot read (${response.status}). Reload the page.`,
      response.status,
    );
  }
  if (!response.ok || body?.error)
    throw new Refused(body?.error || `Darkroom refused (${response.status}).`, response.status);
  return body;
}

/** An answer and its whole text, null for a line that broke before the end of it. */
async function heard(address, options) {
  try {
    const response = await fetch(address, options);
    return { response, text: await response.text() };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

async function read(address, signal) {
  const told = await heard(address, { signal, headers: { Accept: "application/json" } });
  if (!told) throw new Error(LOST);
  return answer(told.response, told.text);
}

const pause = (turn) => new Promise((done) => setTimeout(done, PAUSES_MS[turn - 1]));

async function post(address, body, { tries = 1, signal, type = "application/json", lost = LOST } = {}) {
  const options = { method: "POST", signal, headers: { "Content-Type": type, "X-Darkroom": "1" }, body };
  for (let turn = 1; ; turn += 1) {
    const told = await heard(address, options);
    if (told && !BETWEEN.has(told.response.status)) return answer(told.response, told.text);
    if (turn >= tries) throw new Error(lost);
    await pause(turn);
  }
}

/** Does `what` once, however often it is sent: its key stays the same until there is an answer that says what came of it. */
async function once(address, what, lost) {
  const key = keyFor(JSON.stringify([address, what]));
  try {
    const card = await post(address, JSON.stringify({ key, ...what }), { tries: PAUSES_MS.length + 1, lost });
    settle(key, card.kind !== TROUBLE);
    return card;
  } catch (error) {
    settle(key, error instanceof Refused && error.status < 500);
    throw error;
  }
}

export const me = () => read("/api/me");
export const ask = (asked) => once("/api/ask", asked, LOST_WORDS);
export const press = (button) => once("/api/press", { button }, LOST);
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
export const paperAt = (name) => `/api/paper/${name}`;
export const downloadAt = (picture) => `/picture/${picture}.png?download=1`;
