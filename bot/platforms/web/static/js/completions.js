// What could come next at the caret, from the server's command table: commands, then their flags, then a flag's choices.
// Pure; knows no element and sends nothing. The server alone decides what words mean.

import { bare, grouped } from "./commands.js";
import { nextOf } from "./ordered.js";

const DASHES = /^(--|—|–)/;
const FLAGGED = /(^|\s)(--|—|–)/;
const MOST = 40;
const dashed = (flag) => (flag.startsWith("-") ? flag : `--${flag}`);
const plain = (flag) => flag.replace(/^[-—–]+/, "").toLowerCase();

/** → { from, to, items: [{ value, label, summary }], kind, hint } for `text` with the caret at `caret`. */
export function completions(commands, text, caret) {
  const before = text.slice(0, caret);
  const nothing = { from: caret, to: caret, items: [], kind: "", hint: "" };
  if (/^\/\S*$/.test(before)) return commandsFor(commands, before, text);
  const command = commandOf(commands, text);
  if (!command) return nothing;
  const word = before.match(/\S*$/)[0];
  const from = caret - word.length;
  if (DASHES.test(word))
    return {
      from,
      to: caret,
      kind: "flag",
      items: flagsFor(command, word, text),
      hint: optionHint(optionOf(command, word)),
    };
  const previous = before.slice(0, from).trim().match(/\S+$/)?.[0] ?? "";
  if (command.is_ordered && !FLAGGED.test(before)) return inOrder(command, before, from);
  const option = DASHES.test(previous) ? optionOf(command, previous) : positional(command, before.slice(0, from));
  if (!option) return nothing;
  return {
    from,
    to: caret,
    kind: "choice",
    items: choicesFor(option, word),
    hint: DASHES.test(previous) ? optionHint(option) : "",
  };
}

/** The command that `text` is for; words without a slash are for /imagine. */
export function commandOf(commands, text) {
  const name = text.match(/^\/(\S+)/)?.[1]?.toLowerCase() ?? (text.startsWith("/") ? "" : "imagine");
  return commands.find(
    (command) => bare(command.name) === name || (command.aliases ?? []).some((alias) => bare(alias) === name),
  );
}

/** A flag's spelling in words, with what it takes: "--steps <1–150>". */
export function optionHint(option) {
  if (!option) return "";
  const flag = option.flags[0] ? dashed(option.flags[0]) : option.name;
  const standard = option.default_text ? ` · without it: ${option.default_text}` : "";
  return [flag, option.summary, bounds(option)].filter(Boolean).join(" · ") + standard;
}

function bounds({ low, high }) {
  if (low === null || low === undefined || high === null || high === undefined) return "";
  return `${low} to ${high}`;
}

function commandsFor(commands, before, text) {
  const asked = before.slice(1).toLowerCase();
  const to = text.match(/^\/\S*/)[0].length;
  if (!asked) {
    const items = grouped(commands).flatMap(({ title, commands: some }) =>
      some.map((command) => ({ ...itemOf(command), group: title })),
    );
    return { from: 0, to, items, kind: "command", hint: "" };
  }
  const starts = commands.filter((command) =>
    [command.name, ...(command.aliases ?? [])].some((name) => bare(name).startsWith(asked)),
  );
  const others = commands.filter(
    (command) => !starts.includes(command) && command.summary.toLowerCase().includes(asked),
  );
  const items = [...starts, ...others].map(itemOf);
  return { from: 0, to, items: items.slice(0, MOST), kind: "command", hint: "" };
}

const itemOf = (command) => ({
  value: `/${bare(command.name)}`,
  label: `/${bare(command.name)}`,
  summary: command.summary,
  isReady: !needsWords(command),
});

const needsWords = (command) => command.options.some((option) => option.is_required);

function flagsFor(command, word, text) {
  const asked = plain(word);
  const used = new Set([...text.matchAll(/(?:^|\s)(?:--|—|–)([\w-]+)/g)].map((match) => match[1].toLowerCase()));
  return command.options
    .filter((option) => option.flags.length)
    .filter((option) => option.flags.some((flag) => plain(flag).startsWith(asked)) || option.name.startsWith(asked))
    .filter((option) => !option.flags.some((flag) => used.has(plain(flag)) && plain(flag) !== asked))
    .map((option) => {
      const flag = dashed(option.flags.find((spelling) => plain(spelling).startsWith(asked)) ?? option.flags[0]);
      return {
        value: flag,
        label: flag,
        summary: option.summary,
        detail: option.kind === "flag" ? "" : option.choices.slice(0, 4).join(", ") || bounds(option),
      };
    })
    .slice(0, MOST);
}

function optionOf(command, word) {
  return command.options.find((option) => option.flags.some((flag) => plain(flag) === plain(word)));
}

function positional(command, before) {
  const words = before.replace(/^\/\S+/, "").trim();
  const option = command.options.find(
    (one) => one.choices.length && !one.takes_rest && one.kind !== "flag" && !one.flags.length,
  );
  return words === "" && before.startsWith("/") ? option : null;
}

/** Of every option that the word may be: "/settings" goes on with "place" as well as with "size". */
function inOrder(command, before, from) {
  const options = nextOf(command, before.slice(0, from).replace(/^\/\S+/, ""));
  const items = options.flatMap((option) => choicesFor(option, before.slice(from)));
  return { from, to: before.length, items: items.slice(0, MOST), kind: "choice", hint: optionHint(options.at(-1)) };
}

function choicesFor(option, word) {
  const asked = word.toLowerCase();
  const fits = option.choices.filter((choice) => choice.toLowerCase().startsWith(asked));
  const others = option.choices.filter(
    (choice) => !fits.includes(choice) && asked && choice.toLowerCase().includes(asked),
  );
  return [...fits, ...others]
    .slice(0, MOST)
    .map((choice) => ({ value: choice, label: choice, summary: choice === option.default_text ? "the default" : "" }));
}
