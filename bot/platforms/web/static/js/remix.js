// The window of a remix: the source, the words, and how freely to repaint it. Knows not where the answer goes.

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

const USUAL_STRENGTH = 0.7;

/** `source` is an address of the picture; `send({ prompt, strength })` → a promise, rejected with a sentence to show. */
export function openRemix({ source, prompt, strength, send }) {
  const words = h("textarea", { id: "remix-words", class: "input", rows: "3", "data-testid": "remix-prompt" });
  words.value = prompt;
  const slider = h("input", {
    id: "remix-strength",
    type: "range",
    min: "0.1",
    max: "1",
    step: "0.05",
    "data-testid": "remix-strength",
  });
  slider.value = String(strength ?? USUAL_STRENGTH);
  const value = h("output", { class: "slider-value", for: "remix-strength" });
  const error = h("p", { class: "form-error", role: "alert" });
  error.hidden = true;
  const show = () => {
    const number = Number(slider.value);
    value.textContent = `${number.toFixed(2)} · ${freedom(number)}`;
    slider.setAttribute("aria-valuetext", value.textContent);
    slider.style.setProperty("--at", `${((number - 0.1) / 0.9) * 100}%`);
  };
  slider.addEventListener("input", show);
  show();

  const submit = h("button", {
    type: "submit",
    class: "pill is-primary is-large",
    text: "Remix",
    "data-testid": "remix-send",
  });
  const form = h(
    "form",
    { class: "remix", id: "remix-form" },
    h("img", { class: "remix-source", src: source, alt: "The source picture" }),
    h(
      "div",
      { class: "remix-fields" },
      h("label", { for: "remix-words", text: "What it should become" }),
      words,
      h("div", { class: "slider-head" }, h("label", { for: "remix-strength", text: "Strength" }), value),
      slider,
      h(
        "div",
        { class: "slider-ends", "aria-hidden": "true" },
        h("span", { text: "closer to the picture" }),
        h("span", { text: "freer" }),
      ),
      error,
    ),
  );
  submit.setAttribute("form", "remix-form");
  const cancel = h("button", { type: "button", class: "pill is-large", text: "Cancel", onclick: () => opened.close() });
  const opened = openDialog({ title: "Remix", kind: "is-remix", body: form, actions: [cancel, submit] });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await send({ prompt: words.value.trim(), strength: Number(slider.value) });
      opened.close();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
    submit.disabled = false;
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  words.focus();
  words.select();
}

function freedom(strength) {
  if (strength <= 0.3) return "barely touched";
  if (strength <= 0.55) return "close to the picture";
  if (strength <= 0.75) return "keeps the composition";
  if (strength < 0.95) return "free";
  return "almost from nothing";
}
