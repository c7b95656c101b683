// One field of a form, by the kind of its option: text, number, choice, ratio, yes or no, picture. Knows no command.

import { h } from "./dom.js";

const MOST_SEGMENTS = 4;
const RATIOS = ["1:1", "3:2", "2:3", "16:9", "9:16"];

/** → { option, element, value(), set(value) } */
export function field(option, attachment) {
  const id = `option-${option.name}`;
  const make =
    { choice: choices, whole: number, number, flag, picture: source, upload, ratio }[option.kind] ??
    (option.takes_rest ? text : option.choices.length ? suggested : line);
  const { input, value, set, isWhole } = make(option, id, attachment);
  const label = h(
    "label",
    { for: id },
    title(option.name),
    option.is_required ? h("span", { class: "needed", text: "needed" }) : null,
  );
  const about = h("p", {
    id: `${id}-about`,
    class: "form-about",
    text: [option.summary, option.default_text ? `without it: ${option.default_text}` : ""].filter(Boolean).join(" · "),
  });
  return {
    option,
    value,
    set,
    element: h(
      "div",
      { class: `form-row${isWhole ? " is-flag" : ""}`, data: { option: option.name } },
      label,
      input,
      about,
    ),
  };
}

const title = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const isBound = ({ low, high }) => low !== null && low !== undefined && high !== null && high !== undefined;

function text(option, id) {
  const input = h("textarea", {
    id,
    class: "input",
    rows: option.is_required ? "3" : "1",
    required: option.is_required,
    placeholder: option.example ?? "",
    "aria-describedby": `${id}-about`,
  });
  return {
    input,
    value: () => input.value.trim(),
    set: (words) => {
      input.value = words;
    },
  };
}

function line(option, id) {
  const input = h("input", {
    id,
    class: "input",
    type: "text",
    required: option.is_required,
    placeholder: option.example ?? "",
    "aria-describedby": `${id}-about`,
    autocomplete: "off",
  });
  return {
    input,
    value: () => input.value.trim(),
    set: (words) => {
      input.value = words;
    },
  };
}

function suggested(option, id) {
  const box = line(option, id);
  box.input.setAttribute("list", `${id}-list`);
  return {
    ...box,
    input: h(
      "div",
      {},
      box.input,
      h(
        "datalist",
        { id: `${id}-list` },
        option.choices.map((choice) => h("option", { value: choice })),
      ),
    ),
  };
}

function source(option, id, attachment) {
  const box = line(option, id);
  box.input.placeholder = attachment.id ? "the picture attached" : option.default_text || "your newest picture";
  return box;
}

function choices(option, id) {
  if (option.choices.length <= MOST_SEGMENTS && option.choices.every((choice) => choice.length < 14))
    return segments(option, id);
  const input = h(
    "select",
    { id, class: "input", required: option.is_required, "aria-describedby": `${id}-about` },
    h("option", { value: "", text: option.default_text ? `As usual (${option.default_text})` : "As usual" }),
    option.choices.map((choice) => h("option", { value: choice, text: choice })),
  );
  return {
    input,
    value: () => input.value,
    set: (value) => {
      input.value = value;
    },
  };
}

function segments(option, id) {
  let chosen = "";
  const buttons = option.choices.map((choice, at) =>
    h("button", {
      type: "button",
      class: "segment",
      role: "radio",
      id: at ? null : id,
      text: choice,
      onclick: () => {
        chosen = chosen === choice && !option.is_required ? "" : choice;
        show();
      },
    }),
  );
  const show = () =>
    buttons.forEach((button, at) => {
      button.setAttribute("aria-checked", String(option.choices[at] === chosen));
      button.classList.toggle("is-usual", !chosen && option.choices[at] === option.default_text);
    });
  show();
  return {
    input: h("div", { class: "segments", role: "radiogroup", "aria-label": title(option.name) }, buttons),
    value: () => chosen,
    set: (value) => {
      chosen = value;
      show();
    },
  };
}

function flag(option, id) {
  const input = h("input", {
    id,
    class: "switch",
    type: "checkbox",
    role: "switch",
    "aria-describedby": `${id}-about`,
  });
  return {
    input,
    isWhole: true,
    value: () => input.checked,
    set: (isOn) => {
      input.checked = isOn;
    },
  };
}

function ratio(option, id) {
  const box = line({ ...option, example: "" }, id);
  const shapes = RATIOS.map((shape) =>
    h("button", {
      type: "button",
      class: "segment",
      text: shape,
      onclick: () => {
        box.set(box.value() === shape ? "" : shape);
        show();
      },
    }),
  );
  const show = () =>
    shapes.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === box.value())));
  box.input.addEventListener("input", show);
  box.input.placeholder = "another";
  show();
  return {
    input: h(
      "div",
      { class: "number" },
      h("div", { class: "segments", role: "group", "aria-label": "Usual shapes" }, shapes),
      box.input,
    ),
    value: box.value,
    set: (shape) => {
      box.set(shape);
      show();
    },
  };
}

function upload(option, id, attachment) {
  const file = h("input", {
    id,
    class: "input",
    type: "file",
    accept: "image/*",
    "aria-describedby": `${id}-about`,
    onchange: () => file.files[0] && attachment.take(file.files[0], file.files[0].name),
  });
  const there = attachment.thumbnail
    ? h(
        "div",
        { class: "form-picture" },
        h("img", { src: attachment.thumbnail, alt: "The picture attached" }),
        h("span", { text: "attached" }),
      )
    : null;
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
  const input = h("input", {
    id,
    class: "input is-number",
    type: "number",
    inputmode: isWhole ? "numeric" : "decimal",
    min: option.low,
    max: option.high,
    step: isWhole ? 1 : "any",
    placeholder: /^[\d.]+$/.test(option.default_text) ? option.default_text : "",
    required: option.is_required,
    "aria-describedby": `${id}-about`,
  });
  const value = () => (input.value === "" ? null : Number(input.value));
  const put = (words) => {
    input.value = words;
  };
  if (!isBound(option) || option.high - option.low > 1000) return { input, value, set: put };
  const usual = Number.parseFloat(option.default_text);
  const slider = h("input", {
    type: "range",
    min: option.low,
    max: option.high,
    step,
    "aria-label": `${title(option.name)}, slider`,
    tabindex: "-1",
  });
  slider.value = String(Number.isNaN(usual) ? (option.low + option.high) / 2 : usual);
  const dress = () =>
    slider.style.setProperty("--at", `${((slider.value - option.low) / (option.high - option.low)) * 100}%`);
  dress();
  slider.addEventListener("input", () => {
    input.value = slider.value;
    dress();
  });
  const follow = () => {
    if (input.value) slider.value = input.value;
    dress();
  };
  input.addEventListener("input", follow);
  const set = (words) => {
    put(words);
    follow();
  };
  return { input: h("div", { class: "number" }, slider, input), value, set };
}
