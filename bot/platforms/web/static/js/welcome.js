// The head of the chat: what this is, and three examples to press; they stand at the message box while a person is new.
// Knows no card.

import { find, h, icon } from "./dom.js";

const short = (words) => words.replace(/^\/imagine\s+/, ""); // words without a command are a prompt

export function showWelcome({ me, use }) {
  const three = me.examples.slice(0, 3);
  const tries = h(
    "div",
    { class: "tries", role: "group", "aria-label": "Examples to try" },
    h("span", { class: "tries-title", text: "Try" }),
    three.map((words) =>
      h(
        "button",
        { type: "button", class: "pill", title: words, onclick: () => use(words) },
        h("span", { text: short(words) }),
      ),
    ),
  );
  tries.hidden = true;
  find(".composer-inner").prepend(tries);
  const examples = three.map((words) =>
    h(
      "button",
      { type: "button", class: "example", data: { testid: "example" }, onclick: () => use(words) },
      icon("spark"),
      h("span", { text: short(words) }),
      icon("go"),
    ),
  );
  find(".welcome").replaceChildren(
    h("img", { class: "welcome-mark", src: "/static/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", { text: "Welcome to Darkroom" }),
    h("p", {
      class: "lead",
      text: "Type what you want to see, and watch it develop. Everything is drawn on the computer that runs Darkroom; your words go nowhere else.",
    }),
    examples.length ? h("p", { class: "welcome-try", text: "Try one of these" }) : null,
    h("div", { class: "examples" }, examples),
    me.model_note ? h("p", { class: "welcome-note", text: me.model_note }) : null,
  );
}
