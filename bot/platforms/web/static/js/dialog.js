// A modal window: the browser's own <dialog>, which traps focus, closes with Escape and gives focus back. Knows no card.

import { h, iconButton } from "./dom.js";

let count = 0;

/** Opens a window with a title. Give it `body`, and `actions` for its foot. Returns { element, close }. */
export function openDialog({ title, kind = "", body, actions = [], onclose = () => {} }) {
  const before = document.activeElement;
  const id = `dialog-${(count += 1)}`;
  const close = () => element.close();
  const element = h(
    "dialog",
    { class: `window ${kind}`, "aria-labelledby": id },
    h("div", { class: "window-head" }, h("h2", { id, text: title }), iconButton("close", "Close", close)),
    h("div", { class: "window-body" }, body),
    actions.length ? h("div", { class: "window-foot" }, actions) : null,
    h("div", { class: "toasts toasts-inside", role: "status" }),
  );
  element.addEventListener("pointerdown", (event) => {
    if (event.target === element) close();
  });
  element.addEventListener("close", () => {
    element.remove();
    onclose();
    if (before?.isConnected) before.focus({ preventScroll: true });
  });
  document.body.append(element);
  element.showModal();
  return { element, close };
}

/** Asks a question with two answers. → true for yes. */
export function confirmed({ title, words, yes, isDanger = false }) {
  return new Promise((done) => {
    let isYes = false;
    const accept = h("button", {
      type: "button",
      class: `pill is-large ${isDanger ? "is-danger-solid" : "is-primary"}`,
      text: yes,
      onclick: () => {
        isYes = true;
        opened.close();
      },
    });
    const decline = h("button", {
      type: "button",
      class: "pill is-large",
      text: "Keep",
      onclick: () => opened.close(),
    });
    const opened = openDialog({
      title,
      kind: "is-small",
      body: h("p", { class: "lead", text: words }),
      actions: [decline, accept],
      onclose: () => done(isYes),
    });
    accept.focus();
  });
}
