// Puts the page together and says who talks to whom; holds no idea of its own.

import { showAccount } from "./account.js";
import { pressing } from "./actions.js";
import * as api from "./api.js";
import { startDropping } from "./attachments.js";
import { usable } from "./commands.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { find, h, icon } from "./dom.js";
import { listen } from "./events.js";
import { openForm } from "./form.js";
import { Gallery } from "./gallery.js";
import { Lightbox } from "./lightbox.js";
import { openMenu } from "./menu.js";
import { openRemix } from "./remix.js";
import { farewell, leave, showLine, showModel, showStatus, showTitle } from "./shell.js";
import { openSketch } from "./sketch.js";
import { loadSprite } from "./sprite.js";
import { startTheme } from "./theme.js";
import { toast } from "./toast.js";
import { iconOf, readButton } from "./verbs.js";
import { viewsOf } from "./views.js";
import { showWelcome } from "./welcome.js";

const STAYS = new Set(["cancel", "go", "no", "delete"]); // these change the message they are in

const UPLOAD_GONE = /attach the picture again/; // how bot/sources.py says so

const FEW_CARDS = 2; // so few, and the person is new here

let me;
let composer;
let conversation;
let gallery;
let lightbox;

async function start() {
  loadSprite();
  for (const element of document.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
  startTheme();
  me = await known();
  const press = pressing({ take, watch, ask: askFromWindow });
  conversation = new Conversation(
    {
      press,
      open: (card, tile) => enlarge(card, tile.picture),
      enlarge: (view) => lightbox.open([view], 0),
      more: (card, tile, button) => openMenu(button, menuOf(card, tile, press), { title: `Picture ${tile.number}` }),
      use: (words) => composer.write(words),
      edit: (words) => composer.write(words),
    },
    { changed: showTitle, begun: showBeginning },
  );
  lightbox = new Lightbox({
    press: (button, view) => pressLarge(press, button, view),
    goTo: (view) => goToMessage(view.request),
    canGoTo: (view) => conversation.has(view.request),
  });
  gallery = new Gallery({ open: (views, at, how) => lightbox.open(views, at, how) });
  composer = new Composer(find(".composer"), {
    me,
    send: (asked) => send(asked, asked.text),
    sketch,
    form: fillIn,
    remix: remixUpload,
  });
  startDropping((file) => {
    showChat();
    composer.attach(file, file.name || "pasted picture");
  });
  showWelcome({ me, use: (words) => composer.sendNow(words) });
  showAccount({
    me,
    help: () => {
      showChat();
      send({ text: "/help", uploads: [], answered: null }, "/help").catch(failed);
    },
  });
  showModel(me);
  listen({
    reset: showBegun,
    card: (card) => heard(card),
    removed: ({ id }) => conversation.remove(id),
    status: showStatus,
    line: (isUp) => showLine(isUp) && conversation.retryPictures(),
    refused: () => api.me().catch(() => null),
  });
  addEventListener("hashchange", showView);
  document.addEventListener("keydown", typed);
  showView();
}

/** Who is here, and what is of use to them; asked until the server answers. */
async function known() {
  for (;;) {
    try {
      const someone = await api.me();
      return { ...someone, commands: usable(someone.commands, someone.is_operator) };
    } catch (error) {
      if (error instanceof api.Refused) throw error;
      showLine(false);
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

async function send(asked, words) {
  showChat();
  const since_ms = performance.now();
  const card = await conversation.pending(words, me.name, answerTo(asked));
  take({ ...card, sent: words }, { since_ms });
  conversation.toAnswer();
  return card;
}

/** As `send`, for a window that stays and says it where the answer is a refusal: that is thrown. */
async function askFromWindow(asked) {
  const since_ms = performance.now();
  const card = await answerTo({ answered: null, ...asked });
  if (card.is_refusal) throw new Error(card.sentence);
  showChat();
  take(card, { since_ms });
  conversation.toAnswer();
}

/** Asks; an upload that the server forgot, as it does when it starts anew, is sent once more with what the browser holds. */
async function answerTo(asked) {
  const card = await api.ask(asked);
  if (!card.is_refusal || !asked.uploads?.length || !UPLOAD_GONE.test(card.sentence)) return card;
  const upload = await composer.attachment.renew(asked.uploads[0]);
  return upload ? api.ask({ ...asked, uploads: [upload] }) : card;
}

/** What there is, and below it the last answer of a page that began anew. */
function showBegun(data) {
  conversation.reset(data);
  const last = farewell();
  if (last) conversation.upsert(last);
}

/** They may be somebody else from now on: the operator, say. */
async function knowAgain() {
  Object.assign(me, await known());
  composer.commands = me.commands;
}

/** An answer to this person. A short note after a press is said in passing. */
function take(card, { button = null, pressed = null, since_ms = Infinity } = {}) {
  if (card.kind === "forget" && button && !card.is_refusal && !card.buttons.length) return leave(card);
  if (["claim", "answered"].includes(card.kind)) knowAgain().catch(() => null); // "answered": the same once more
  const isShort = card.sentence.length < 90 && !card.fields.length && !card.tiles.length && !card.paper;
  const isPassing = button && !card.id && !card.is_refusal && isShort;
  if (lightbox.isOpen && !card.id && (card.fields.length || card.sentence)) return lightbox.note(card);
  gallery.isFresh = false;
  if (isPassing) return toast(card.sentence);
  lightbox.close();
  if (button) showChat();
  if (pressed?.id === "" && !card.id && !card.is_refusal && conversation.replace(pressed, card)) return;
  conversation.upsert(card, { since_ms });
  if (button && !STAYS.has(readButton(button.id).verb)) conversation.toAnswer();
}

function heard(card) {
  conversation.upsert(card);
  if (card.state === "done") gallery.isFresh = false;
}

function enlarge(card, picture, { isFilm = false } = {}) {
  const views = viewsOf(card);
  lightbox.open(
    views,
    Math.max(
      0,
      views.findIndex((view) => view.picture === picture),
    ),
    { isFilm },
  );
}

function watch(card, picture) {
  if (card) enlarge(card, picture, { isFilm: true });
}

async function pressLarge(press, button, view) {
  await press(
    button,
    view.card ?? { tiles: [{ picture: view.picture, prompt: view.prompt, strength: view.strength }] },
  );
}

const menuOf = (card, tile, press) =>
  tile.buttons.map((button) => ({
    id: button.id,
    label: button.label,
    name: button.name,
    icon: iconOf(button.id),
    isDanger: button.style === "danger",
    act: () => press(button, card),
  }));

function sketch() {
  openSketch({ use: (blob) => composer.attach(blob, "your sketch") });
}

function fillIn(words) {
  openForm({
    commands: me.commands,
    words,
    attachment: composer.attachment,
    send: async (asked, shown) => {
      await askFromWindow(asked);
      if (asked.uploads.length) composer.attachment.clear();
      if (composer.words === shown) composer.write("");
    },
  });
}

function remixUpload(attachment) {
  const prompt = composer.words.replace(/^\/remix\b/, "").trim();
  openRemix({
    source: attachment.thumbnail,
    prompt,
    strength: null,
    send: async (values) => {
      await askFromWindow({ command: "remix", values, uploads: [attachment.id] });
      attachment.clear();
      composer.write("");
    },
  });
}

/** Words typed at nothing go to the message box. */
function typed(event) {
  const isAtNothing =
    ["BODY", "ARTICLE"].includes(document.activeElement?.tagName) ||
    document.activeElement?.classList.contains("scroller");
  if (
    !isAtNothing ||
    event.key.length !== 1 ||
    event.key === " " ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    location.hash === "#history"
  )
    return;
  find("#message-box").focus();
}

const failed = (error) => toast(error.message, { isBad: true });

function showView() {
  const view = location.hash === "#history" ? "history" : "chat";
  for (const section of document.querySelectorAll("section[data-view]")) section.hidden = section.dataset.view !== view;
  for (const link of document.querySelectorAll("a[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  lightbox.close();
  if (view === "history" && !gallery.isFresh) gallery.refresh();
  if (view === "chat") conversation.shown();
}

function showChat() {
  if (location.hash !== "#history") return;
  history.pushState(null, "", "#");
  showView();
}

function goToMessage(id) {
  showChat();
  conversation.goTo(id);
}

function showBeginning({ n_cards, hasOlder }) {
  const welcome = find(".welcome");
  welcome.hidden = hasOlder;
  welcome.classList.toggle("is-alone", n_cards === 0);
  find(".tries").hidden = n_cards === 0 || n_cards > FEW_CARDS || hasOlder;
}

start().catch((error) => {
  document
    .querySelector(".messages")
    .replaceChildren(h("p", { class: "form-error", role: "alert", text: error.message }));
  throw error;
});
