// A button that opens a small menu: arrow keys, Escape, a press elsewhere closes. Knows nothing of what the items do.

import { h, icon } from "./dom.js";

let opened = null;

/** Opens a menu beside `button`. `items`: { label, icon, act, id, name, isDanger } or null for a line between. */
export function openMenu(button, items, { title = "" } = {}) {
  if (opened?.button === button) return close();
  close();
  const list = h("div", {
    class: "menu",
    role: "menu",
    "aria-label": title || button.getAttribute("aria-label") || "Menu",
  });
  if (title) list.append(h("div", { class: "menu-title", "aria-hidden": "true", text: title }));
  for (const item of items) list.append(item ? entry(item) : h("div", { class: "menu-line", role: "separator" }));
  (button.closest("dialog") ?? document.body).append(list);
  opened = { button, list };
  button.setAttribute("aria-expanded", "true");
  place(button, list);
  list.addEventListener("keydown", moved);
  list.querySelector("button")?.focus({ preventScroll: true });
  return list;
}

export const closeMenu = () => close();

function entry(item) {
  const act = () => {
    close(true);
    item.act();
  };
  const data = item.id ? { button: item.id } : {};
  return h(
    "button",
    {
      type: "button",
      role: "menuitem",
      tabindex: "-1",
      class: item.isDanger ? "is-danger" : "",
      title: item.name,
      data,
      onclick: act,
    },
    item.icon ? icon(item.icon) : h("span", { class: "icon" }),
    h("span", { text: item.label }),
  );
}

function place(button, list) {
  const at = button.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  const isAbove = at.bottom + size.height + 12 > innerHeight && at.top > size.height + 12;
  const left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8));
  const top = isAbove ? at.top - size.height - 6 : Math.min(at.bottom + 6, innerHeight - size.height - 8);
  list.style.left = `${left}px`;
  list.style.top = `${Math.max(8, top)}px`;
}

function moved(event) {
  const items = [...opened.list.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    close(true);
  } else if (to !== undefined) {
    event.preventDefault();
    items.at(to % items.length).focus();
  }
}

function close(withFocus = false) {
  if (!opened) return;
  const { button, list } = opened;
  opened = null;
  list.remove();
  button.setAttribute("aria-expanded", "false");
  if (withFocus) button.focus({ preventScroll: true });
}

addEventListener(
  "pointerdown",
  (event) => {
    if (opened && !opened.list.contains(event.target) && !opened.button.contains(event.target)) close();
  },
  true,
);
addEventListener("resize", () => follow());
addEventListener(
  "scroll",
  (event) => {
    if (opened && !opened.list.contains(event.target)) follow();
  },
  true,
);

/** Stays at its button, also while a message below it grows; goes where that is out of sight or gone. */
function follow() {
  if (!opened) return;
  const at = opened.button.getBoundingClientRect();
  if (!opened.button.isConnected || at.bottom < 0 || at.top > innerHeight) close();
  else place(opened.button, opened.list);
}
