// Words of a command whose options stand in an order, "/quota set @ada daily 50": which word is which option's, and which option
// the next word may be. A choice that a word is none of is passed over. Pure; the server alone decides what words mean.

const FIRST = /^(?:"([^"]*)"|(\S+))\s*/;

/** Puts into `values` what words without a flag say. → the words that are left. */
export function placed(command, values, words) {
  let rest = words.trim();
  for (const option of standing(command, values)) {
    rest = withoutSwitches(command, values, rest);
    const [word, after] = first(rest);
    if (!word || !isOf(option, word)) continue;
    values.set(option.name, word);
    rest = after;
  }
  const text = command.options.find((one) => one.takes_rest && !one.flags.length && !values.has(one.name));
  if (!text) return withoutSwitches(command, values, rest);
  if (rest) values.set(text.name, rest);
  return "";
}

/** The options that a word after these words may belong to. */
export function nextOf(command, words) {
  const values = new Map();
  placed(command, values, words);
  const isTextBegun = command.options.some((one) => one.takes_rest && !one.flags.length && values.has(one.name));
  if (isTextBegun) return [];
  const left = standing(command, values);
  const said = [...values.keys()];
  const reached = Math.max(-1, ...said.map((name) => command.options.findIndex((one) => one.name === name)));
  const next = left.filter((option) => command.options.indexOf(option) > reached);
  const end = next.findIndex((option) => option.kind !== "choice"); // a choice may be passed over, another word not
  return end < 0 ? next : next.slice(0, end + 1);
}

const standing = (command, values) =>
  command.options.filter(
    (one) =>
      !values.has(one.name) &&
      !one.takes_rest &&
      !["flag", "upload"].includes(one.kind) &&
      !(["words", "duration"].includes(one.kind) && one.flags.length),
  );

/** What follows the yes-or-no words in front: "everywhere @ada". */
function withoutSwitches(command, values, rest) {
  for (;;) {
    const [word, after] = first(rest);
    const option = command.options.find(
      (one) => one.kind === "flag" && one.name === word.toLowerCase() && !values.has(one.name),
    );
    if (!option) return rest;
    values.set(option.name, true);
    rest = after;
  }
}

function isOf(option, word) {
  if (option.kind === "choice") return option.choices.includes(word.toLowerCase());
  return option.kind !== "whole" || /\d/.test(word);
}

function first(rest) {
  const found = rest.match(FIRST);
  return found ? [found[1] ?? found[2], rest.slice(found[0].length)] : ["", ""];
}
