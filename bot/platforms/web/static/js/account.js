// The menu of who is here: help, a link for another device, sign out. Knows no card.

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { find, h, iconButton } from "./dom.js";
import { openMenu } from "./menu.js";
import { copy, toast } from "./toast.js";

/** `help()` asks for the commands. */
export function showAccount({ me, help }) {
  const isSigned = me.can_sign_out || !me.is_loopback;
  const items = [
    { label: "Help and commands", icon: "help", act: help },
    isSigned ? { label: "Open on another device", icon: "device", act: openElsewhere } : undefined,
    me.can_sign_out ? null : undefined,
    me.can_sign_out ? { label: "Sign out", icon: "out", act: api.signOut } : undefined,
  ].filter((item) => item !== undefined);
  const button = iconButton(
    "more",
    "Menu",
    () => openMenu(button, items, { title: `${me.name} · Darkroom ${me.version}` }),
    { "aria-haspopup": "menu", "aria-expanded": "false" },
  );
  find("[data-testid=account]").replaceChildren(button);
}

async function openElsewhere() {
  let url;
  try {
    ({ url } = await api.signInLink());
  } catch (error) {
    return toast(error.message, { isBad: true });
  }
  const box = h("input", {
    class: "input is-code",
    readonly: true,
    "aria-label": "Sign-in link",
    "data-testid": "sign-in-link",
    onfocus: (event) => event.target.select(),
  });
  box.value = new URL(url, location.href).href;
  const button = h("button", {
    type: "button",
    class: "pill is-primary is-large",
    text: "Copy the link",
    onclick: () => copy(box.value, "Link copied"),
  });
  openDialog({
    title: "Open on another device",
    kind: "is-small",
    body: h(
      "div",
      {},
      h("p", { class: "lead", text: "Open this link there. It signs you in as yourself, once, and soon expires." }),
      box,
    ),
    actions: [button],
  });
  button.focus();
}
