// The server's table of commands as menus show it: in groups, and to each what they may use. Pure; the server alone decides
// who may do what.

const GROUPS = [
  ["making", "Making pictures"],
  ["looking", "Finding and watching"],
  ["yours", "Yours"],
  ["admins", "For admins"],
];

export const bare = (name) => name.replace(/^\//, "");

/** The commands that are of use to somebody. On the page nobody is an admin of a place: there are operators, and others. */
export const usable = (commands, isOperator) =>
  commands.filter((command) => isOperator || (command.rank ?? "everybody") === "everybody");

/** → [{ title, commands }], in the order of menus; what is in no group we know comes last. */
export function grouped(commands) {
  const known = new Set(GROUPS.map(([name]) => name));
  return [
    ...GROUPS.map(([name, title]) => ({ title, commands: commands.filter((command) => command.group === name) })),
    { title: "More", commands: commands.filter((command) => !known.has(command.group)) },
  ].filter((group) => group.commands.length);
}
