// A note's names and values: a recipe with copy buttons, or help with commands to try. Knows no card.

import { h, icon } from "./dom.js";
import { copy } from "./toast.js";

const FEW = 12;

const isCommand = (name) => /^(\/[\w-]+$|--)/.test(name);

/** `use(words)` puts a command into the message box. */
export function fieldsTable(fields, { use } = {}) {
  const isHelp = fields.some((field) => isCommand(field.name));
  const isLong = fields.length > FEW; // then it scrolls by itself, and the keyboard must get there
  return h(
    "dl",
    { class: `fields${isHelp ? " is-help" : ""}`, tabindex: isLong ? "0" : null },
    fields.map((field) => row(field, use)),
  );
}

function row(field, use) {
  const name =
    isCommand(field.name) && field.name.startsWith("/") && use
      ? h("button", {
          type: "button",
          class: "command",
          title: "Use this command",
          text: field.name,
          onclick: () => use(`${field.name} `),
        })
      : h("span", { class: isCommand(field.name) ? "command" : "", text: field.name });
  const value = h("dd", {}, h("span", { class: "field-value", text: field.value }));
  if (field.is_copyable) value.append(copyButton(field.value, field.name));
  return h("div", { class: `field${field.value.length > 60 ? " is-long" : ""}` }, h("dt", {}, name), value);
}

export function copyButton(text, name) {
  return h(
    "button",
    {
      type: "button",
      class: "icon-button is-little",
      "aria-label": `Copy ${name.toLowerCase()}`,
      title: `Copy ${name.toLowerCase()}`,
      data: { copy: name.toLowerCase() },
      onclick: () => copy(text, `${name} copied`),
    },
    icon("copy"),
  );
}
