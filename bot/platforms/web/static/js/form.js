// A form for any command, made from the server's table of them: the common options first, the rest behind a fold.
// Sends names and values, never a line to parse. Knows no card.

import { bare, grouped } from "./commands.js";
import { commandOf } from "./completions.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { field } from "./form-field.js";
import { spoken } from "./spoken.js";

const PICTURE_FAILED = "The picture could not be taken: choose another, or close this window and remove it.";

const named = (command) => h("option", { value: command.name, text: `/${bare(command.name)}: ${command.summary}` });

/** `send({ command, values, uploads }, words)` → a promise, rejected with a sentence to show. */
export function openForm({ commands, words, attachment, send }) {
  const chosen = h(
    "select",
    { id: "form-command", class: "input", "data-testid": "form-command" },
    grouped(commands).map((group) => h("optgroup", { label: group.title }, group.commands.map(named))),
  );
  const holder = h("div", { class: "form-fields" });
  const error = h("p", { class: "form-error", role: "alert" });
  error.hidden = true;
  const submit = h("button", {
    type: "submit",
    class: "pill is-primary is-large",
    text: "Send",
    form: "command-form",
    "data-testid": "form-send",
  });
  const cancel = h("button", { type: "button", class: "pill is-large", text: "Cancel", onclick: () => opened.close() });
  const form = h(
    "form",
    { id: "command-form", class: "form" },
    h("div", { class: "form-row" }, h("label", { for: "form-command", text: "Command" }), chosen),
    holder,
    error,
  );
  let fields = [];

  const show = (said = null) => {
    const command = commands.find((one) => one.name === chosen.value);
    fields = command.options.map((option) => field(option, attachment));
    const common = fields.filter((one) => one.option.is_common || one.option.is_required || one.option.takes_rest);
    const rest = fields.filter((one) => !common.includes(one));
    if (said) for (const one of fields) if (said.values.has(one.option.name)) one.set(said.values.get(one.option.name));
    const isOpen = Boolean(said) && rest.some((one) => said.values.has(one.option.name));
    const fold =
      rest.length && common.length
        ? [
            h(
              "details",
              { class: "form-more", open: isOpen },
              h("summary", { text: `More options (${rest.length})` }),
              rest.map((one) => one.element),
            ),
          ]
        : rest.map((one) => one.element);
    holder.replaceChildren(...common.map((one) => one.element), ...fold);
    if (!fields.length) holder.append(h("p", { class: "lead", text: "This command needs nothing more." }));
    error.hidden = true;
  };
  chosen.addEventListener("change", () => show());
  const begun = commandOf(commands, words) ?? commands[0];
  chosen.value = begun.name;
  const said = spoken(begun, words.replace(/^\/\S*\s*/, "").trim());
  show(said);
  const first = fields.find((one) => one.option.takes_rest);
  if (first && said.words) first.set(said.words);

  const opened = openDialog({ title: "Fill in a form", kind: "is-form", body: form, actions: [cancel, submit] });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(
      fields
        .map((one) => [one.option.name, one.value()])
        .filter(([, value]) => value !== null && value !== "" && value !== false),
    );
    submit.disabled = true;
    await attachment.ready;
    try {
      const takesPicture = fields.some((one) => one.option.kind === "upload");
      if (takesPicture && attachment.isThere && !attachment.id) throw new Error(PICTURE_FAILED);
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
