// Light, dark, or as the system has it: a button that goes round, remembered on this computer. Knows nothing else.

import { find, icon } from "./dom.js";

const ROUND = ["auto", "light", "dark"];
const WORDS = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

export function startTheme() {
  const button = find("[data-testid=theme]");
  let theme = document.documentElement.dataset.theme ?? "auto";

  function show() {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.replaceChildren(icon(`theme-${theme}`));
    button.setAttribute("aria-label", `${WORDS[theme]}. Change`);
    button.title = WORDS[theme];
  }

  button.addEventListener("click", () => {
    theme = ROUND[(ROUND.indexOf(theme) + 1) % ROUND.length];
    try {
      localStorage.setItem("darkroom.theme", theme);
    } catch {
      // not remembered, then
    }
    show();
  });
  show();
}
