// A form for any command, made from the server's table of them: the common options first, the rest behind a fold.
// Sends names and values, never a line to parse. Knows no card.

import { commandOf } from "./completions.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

const MOST_SEGMENTS = 4;
const RATIOS = ["1:1", "3:2", "2:3", "16:9", "9:16"];
const bare = (name) => name.replace(/^\//, "");

/** `send({ command, values, uploads }, words)` → a promise, rejected with a sentence to show. */
export function openForm({ commands, words, attachment, send }) {
  const chosen = h("select", { id: "form-command", class: "input", "data-testid": "form-command" }, commands.map((command) => h("option", { value: command.name, text: `/${bare(command.name)}: ${command.summary}` })));
  const holder = h("div", { class: "form-fields" });
  const error = h("p", { class: "form-error", role: "alert" });
  error.hidden = true;
  const submit = h("button", { type: "submit", class: "pill is-primary is-large", text: "Send", form: "command-form", "data-testid": "form-send" });
  const cancel = h("button", { type: "button", class: "pill is-large", text: "Cancel", onclick: () => opened.close() });
  const form = h("form", { id: "command-form", class: "form" }, h("div", { class: "form-row" }, h("label", { for: "form-command", text: "Command" }), chosen), holder, error);
  let fields = [];

  const show = () => {
    const command = commands.find((one) => one.name === chosen.value);
    fields = command.options.map((option) => field(option, attachment));
    const common = fields.filter((one) => one.option.is_common || one.option.is_required || one.option.takes_rest);
    const rest = fields.filter((one) => !common.includes(one));
    const fold = rest.length && common.length ? [h("details", { class: "form-more" }, h("summary", { text: `More options (${rest.length})` }), rest.map((one) => one.element))] : rest.map((one) => one.element);
    holder.replaceChildren(...common.map((one) => one.element), ...fold);
    if (!fields.length) holder.append(h("p", { class: "lead", text: "This command needs nothing more." }));
    error.hidden = true;
  };
  chosen.addEventListener("change", show);
  const begun = commandOf(commands, words) ?? commands[0];
  chosen.value = begun.name;
  show();
  const text = words.replace(/^\/\S*\s*/, "").trim();
  const first = fields.find((one) => one.option.takes_rest);
  if (first && text) first.set(text);

  const opened = openDialog({ title: "Fill in a form", kind: "is-form", body: form, actions: [cancel, submit] });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(fields.map((one) => [one.option.name, one.value()]).filter(([, value]) => value !== null && value !== "" && value !== false));
    submit.disabled = true;
    await attachment.ready;
    try {
      await send({ command: chosen.value, values, uploads: attachment.id ? [attachment.id] : [] }, words);
      opened.close();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      error.scrollIntoView({ block: "nearest" });
    }
    submit.disabled = false;
  });
  (first ? holder.querySelector("textarea, input") : chosen)?.focus();
}

/** → { option, element, value(), set(value) } */
function field(option, attachment) {
  const id = `option-${option.name}`;
  const make = { choice: choices, whole: number, number, flag, picture: source, upload, ratio }[option.kind] ?? (option.takes_rest ? text : option.choices.length ? suggested : line);
  const { input, value, set, isWhole } = make(option, id, attachment);
  const label = h("label", { for: id }, title(option.name), option.is_required ? h("span", { class: "needed", text: "needed" }) : null);
  const about = h("p", { id: `${id}-about`, class: "form-about", text: [option.summary, option.default_text ? `without it: ${option.default_text}` : ""].filter(Boolean).join(" · ") });
  return { option, value, set, element: h("div", { class: `form-row${isWhole ? " is-flag" : ""}`, data: { option: option.name } }, label, input, about) };
}

const title = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const isBound = ({ low, high }) => low !== null && low !== undefined && high !== null && high !== undefined;

function text(option, id) {
  const input = h("textarea", { id, class: "input", rows: option.is_required ? "3" : "1", required: option.is_required, placeholder: option.example ?? "", "aria-describedby": `${id}-about` });
  return { input, value: () => input.value.trim(), set: (words) => { input.value = words; } };
}

function line(option, id) {
  const input = h("input", { id, class: "input", type: "text", required: option.is_required, placeholder: option.example ?? "", "aria-describedby": `${id}-about`, autocomplete: "off" });
  return { input, value: () => input.value.trim(), set: (words) => { input.value = words; } };
}

function suggested(option, id) {
  const box = line(option, id);
  box.input.setAttribute("list", `${id}-list`);
  return { ...box, input: h("div", {}, box.input, h("datalist", { id: `${id}-list` }, option.choices.map((choice) => h("option", { value: choice })))) };
}

function source(option, id, attachment) {
  const box = line(option, id);
  box.input.placeholder = attachment.id ? "the picture attached" : option.default_text || "your newest picture";
  return box;
}

function choices(option, id) {
  if (option.choices.length <= MOST_SEGMENTS && option.choices.every((choice) => choice.length < 14)) return segments(option, id);
  const input = h("select", { id, class: "input", required: option.is_required, "aria-describedby": `${id}-about` },
    h("option", { value: "", text: option.default_text ? `As usual (${option.default_text})` : "As usual" }), option.choices.map((choice) => h("option", { value: choice, text: choice })));
  return { input, value: () => input.value, set: (value) => { input.value = value; } };
}

function segments(option, id) {
  let chosen = "";
  const buttons = option.choices.map((choice, at) => h("button", { type: "button", class: "segment", role: "radio", id: at ? null : id, text: choice, onclick: () => { chosen = chosen === choice && !option.is_required ? "" : choice; show(); } }));
  const show = () => buttons.forEach((button, at) => {
    button.setAttribute("aria-checked", String(option.choices[at] === chosen));
    button.classList.toggle("is-usual", !chosen && option.choices[at] === option.default_text);
  });
  show();
  return { input: h("div", { class: "segments", role: "radiogroup", "aria-label": title(option.name) }, buttons), value: () => chosen, set: (value) => { chosen = value; show(); } };
}

function flag(option, id) {
  const input = h("input", { id, class: "switch", type: "checkbox", role: "switch", "aria-describedby": `${id}-about` });
  return { input, isWhole: true, value: () => input.checked, set: (isOn) => { input.checked = isOn; } };
}

function ratio(option, id) {
  const box = line({ ...option, example: "" }, id);
  const shapes = RATIOS.map((shape) => h("button", { type: "button", class: "segment", text: shape, onclick: () => { box.set(box.value() === shape ? "" : shape); show(); } }));
  const show = () => shapes.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === box.value())));
  box.input.addEventListener("input", show);
  box.input.placeholder = "another";
  show();
  return { input: h("div", { class: "number" }, h("div", { class: "segments", role: "group", "aria-label": "Usual shapes" }, shapes), box.input), value: box.value, set: box.set };
}

function upload(option, id, attachment) {
  const file = h("input", { id, class: "input", type: "file", accept: "image/*", "aria-describedby": `${id}-about`, onchange: () => file.files[0] && attachment.take(file.files[0], file.files[0].name) });
  const there = attachment.thumbnail ? h("div", { class: "form-picture" }, h("img", { src: attachment.thumbnail, alt: "The picture attached" }), h("span", { text: "attached" })) : null;
  return { input: h("div", {}, there, file), value: () => null, set: () => {} };
}

function number(option, id) {
  const isWhole = option.kind === "whole";
  if (isWhole && isBound(option) && option.high - option.low < MOST_SEGMENTS) {
    const all = Array.from({ length: option.high - option.low + 1 }, (_, at) => String(option.low + at));
    const chosen = segments({ ...option, choices: all }, id);
    return { ...chosen, value: () => (chosen.value() ? Number(chosen.value()) : null) };
  }
  const step = isWhole ? 1 : option.high <= 2 ? 0.05 : 0.5;
  const input = h("input", { id, class: "input is-number", type: "number", inputmode: isWhole ? "numeric" : "decimal", min: option.low, max: option.high, step: isWhole ? 1 : "any", placeholder: /^[\d.]+$/.test(option.default_text) ? option.default_text : "", required: option.is_required, "aria-describedby": `${id}-about` });
  const value = () => (input.value === "" ? null : Number(input.value));
  const set = (words) => { input.value = words; };
  if (!isBound(option) || option.high - option.low > 1000) return { input, value, set };
  const usual = Number.parseFloat(option.default_text);
  const slider = h("input", { type: "range", min: option.low, max: option.high, step, "aria-label": `${title(option.name)}, slider`, tabindex: "-1" });
  slider.value = String(Number.isNaN(usual) ? (option.low + option.high) / 2 : usual);
  const dress = () => slider.style.setProperty("--at", `${((slider.value - option.low) / (option.high - option.low)) * 100}%`);
  dress();
  slider.addEventListener("input", () => { input.value = slider.value; dress(); });
  input.addEventListener("input", () => { if (input.value) slider.value = input.value; dress(); });
  return { input: h("div", { class: "number" }, slider, input), value, set };
}
