// A command as it was typed → values for the fields of its form, and the words that are left. What does not fit a field as it
// stands stays in the words, where the server reads flags as well. Pure; the server alone decides what words mean.

import { placed } from "./ordered.js";

const FLAG = /(?<!\S)(?:--+|—|–)([a-z][\w-]*)(=?)/gi;
const INSIDE = /\{[^{}]*(?:--|—|–)[a-z][^{}]*\}/i; // flags that differ from one prompt to the next
const WRITTEN = /[{}\\]/; // braces and escapes are undone in words only
const QUOTED = /^"([^"]*)"(?=\s|$)/;
const WORD = /^\S+/;
const FIRST = {
  size: /^\d+\s*[x×*]\s*\d+(?!\S)/i,
  ratio: /^[\d.]+\s*[:/x×]\s*[\d.]+(?!\S)/i,
};

/** → { values: Map of an option's name to its value, words } for what follows the command's name. */
export function spoken(command, text) {
  const values = new Map();
  const words = [];
  const flags = INSIDE.test(text) ? [] : [...text.matchAll(FLAG)];
  words.push(text.slice(0, flags[0]?.index));
  flags.forEach((flag, at) => {
    const whole = text.slice(flag.index, flags[at + 1]?.index);
    const option = optionOf(command, flag[1]);
    const taken = option && !values.has(option.name) ? take(option, whole.slice(flag[0].length).trim(), flag[2]) : null;
    if (!taken || WRITTEN.test(taken.value)) return words.push(whole);
    values.set(option.name, taken.value);
    if (taken.also) spread(command, values, taken.also);
    words.push(taken.rest);
  });
  const left = words.map((part) => part.trim()).filter(Boolean);
  if (command.is_ordered) return { values, words: placed(command, values, left.join(" ")) };
  return { values, words: (hasText(command) ? left : place(command, values, left)).join(" ") };
}

const hasText = (command) => command.options.some((option) => option.takes_rest && !option.flags.length);

const optionOf = (command, name) =>
  command.options.find((option) => option.flags.includes(`--${name.toLowerCase().replaceAll("_", "-")}`));

function take(option, segment, equals) {
  if (option.kind === "flag") return equals ? null : { value: true, rest: segment };
  const quoted = segment.match(QUOTED);
  if (quoted && !(option.takes_rest && quoted[0] !== segment))
    return fitting(option, quoted[1], segment.slice(quoted[0].length));
  if (option.kind === "choice") return choose(option, segment);
  if (option.takes_rest) return fitting(option, segment, "");
  const first = (segment.match(FIRST[option.kind] ?? WORD) ?? segment.match(WORD))?.[0] ?? "";
  return fitting(option, first, segment.slice(first.length));
}

function fitting(option, value, rest) {
  if (!value) return null;
  if (option.kind === "choice") return rest ? null : choose(option, value);
  if (option.kind !== "whole" && option.kind !== "number") return { value, rest };
  const isNumber = option.kind === "whole" ? /^\d+$/.test(value) : /^\d*\.?\d+$/.test(value);
  const isWithin = Number(value) >= (option.low ?? -Infinity) && Number(value) <= (option.high ?? Infinity);
  return isNumber && isWithin ? { value, rest } : null;
}

/** A choice with nothing behind it, or where the option takes the rest, with what belongs to it ("guidance 2,4"). */
function choose(option, segment) {
  const name = option.takes_rest ? segment.match(WORD)?.[0] : segment;
  const value = option.choices.find((choice) => choice === name?.toLowerCase().replaceAll(" ", "_"));
  return value ? { value, rest: "", also: segment.slice(name.length).trim() } : null;
}

/** "--over guidance 2,4": the values after what differs have their own field. */
function spread(command, values, rest) {
  const other = command.options.find((option) => option.name === "values");
  if (other) values.set(other.name, rest);
}

/** Words of a command without a text: a choice, a yes, or a picture's name. */
function place(command, values, left) {
  return left
    .join(" ")
    .split(/\s+/)
    .filter((word) => {
      const isFree = (option) => !values.has(option.name);
      const { options } = command;
      const option =
        options.find((one) => isFree(one) && one.kind === "choice" && one.choices.includes(word.toLowerCase())) ??
        options.find((one) => isFree(one) && one.kind === "flag" && one.name === word.toLowerCase()) ??
        options.find((one) => isFree(one) && one.kind === "picture" && /\d/.test(word));
      if (option) values.set(option.name, option.kind === "flag" ? true : word);
      return !option;
    });
}
