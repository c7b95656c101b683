// Everything a person has had drawn, newest first: searched, in rows that keep each picture's shape, loaded as one scrolls.
// Knows neither cards nor windows.

import * as api from "./api.js";
import { debounced, find, h, icon, iconButton } from "./dom.js";
import { viewOfPicture } from "./views.js";
import { day, plural } from "./words.js";

const SEARCH_AFTER_MS = 220;
const ROW_PX = 190;

export class Gallery {
  #views = [];
  #next = null;
  #words = "";
  #loading = null;
  #aborting = null;
  #day = "";

  /** `open(views, at, { more, total })` shows one large. */
  constructor({ open }) {
    this.open = open;
    this.#build(find(".gallery"));
  }

  /** Shows the newest truth. */
  async refresh() {
    this.#aborting?.abort();
    this.#aborting = new AbortController();
    this.#views = [];
    this.#next = null;
    this.#day = "";
    this.#loading = null;
    this.isFresh = true;
    await this.#load(true);
  }

  #build(section) {
    this.search = h("input", {
      type: "search",
      class: "search-box",
      placeholder: "Search your pictures, or a seed",
      "aria-label": "Search your pictures",
      autocomplete: "off",
      spellcheck: "false",
      "data-testid": "search",
    });
    this.total = h("span", { class: "gallery-total", role: "status", "data-testid": "total" });
    this.grid = h("div", { class: "gallery-grid", "data-testid": "gallery" });
    this.end = h("div", { class: "gallery-end" });
    this.nothing = h("div", { class: "gallery-empty" });
    this.nothing.hidden = true;
    const clear = iconButton(
      "close",
      "Clear the search",
      () => {
        this.search.value = "";
        this.search.focus();
        this.#searched();
      },
      { class: "icon-button is-little search-clear" },
    );
    section.append(
      h(
        "div",
        { class: "gallery-head" },
        h("h1", { text: "History" }),
        this.total,
        h("div", { class: "search", role: "search" }, icon("search"), this.search, clear),
      ),
      h("div", { class: "gallery-scroller", tabindex: "-1" }, this.grid, this.nothing, this.end),
    );
    this.scroller = section.lastElementChild;
    const searched = debounced(() => this.#searched(), SEARCH_AFTER_MS);
    this.search.addEventListener("input", searched);
    new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting) && this.#next) this.#load();
      },
      { root: this.scroller, rootMargin: "900px" },
    ).observe(this.end);
  }

  #searched() {
    if (this.search.value.trim() === this.#words) return;
    this.#words = this.search.value.trim();
    this.scroller.scrollTop = 0;
    this.refresh();
  }

  #load(isFirst = false) {
    this.#loading ??= this.#fetch(isFirst, this.#aborting).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #fetch(isFirst, aborting) {
    this.end.classList.add("is-busy");
    try {
      const { pictures, next, total } = await api.history(this.#words, isFirst ? null : this.#next, aborting.signal);
      if (isFirst) this.grid.replaceChildren();
      this.#next = next;
      this.n_all = total;
      this.total.textContent = this.#words ? `${plural(total, "picture")} found` : plural(total, "picture");
      this.#append(pictures.map(viewOfPicture));
      this.#showNothing(null);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#showNothing(error);
    } finally {
      if (aborting === this.#aborting) this.end.classList.remove("is-busy");
    }
    requestAnimationFrame(() => {
      // a first page that does not fill the window
      if (this.#next && this.end.getBoundingClientRect().top < innerHeight + 400 && !this.scroller.closest("[hidden]"))
        this.#load();
    });
  }

  #append(views) {
    for (const view of views) {
      const today = day(view.created_s);
      if (today !== this.#day) {
        this.#day = today;
        this.grid.append(h("span", { class: "gallery-filler" }), h("h2", { class: "gallery-day", text: today }));
      }
      this.grid.append(this.#item(view, this.#views.length));
      this.#views.push(view);
    }
  }

  #item(view, index) {
    const ratio = Math.min(2.6, Math.max(0.5, view.width_px / view.height_px));
    const label = view.label ? ` · ${view.label}` : "";
    const caption = h(
      "span",
      { class: "gallery-caption" },
      h("span", { class: "gallery-prompt", text: view.prompt }),
      h("span", { class: "gallery-seed", text: `seed ${view.seed}${label}` }),
    );
    const views = this.#views;
    const open = () =>
      this.open(views, index, {
        more: () => (this.#next ? this.#load() : null),
        total: () => (this.#next ? Math.max(this.n_all, views.length + 1) : views.length),
      });
    const item = h("button", {
      type: "button",
      class: "gallery-item",
      "aria-label": `${view.prompt}, seed ${view.seed}${view.is_kept ? "" : ", file no longer kept"}`,
      data: { picture: view.picture },
      onclick: open,
    });
    item.style.setProperty("--ratio", ratio);
    item.style.setProperty("--row", `${ROW_PX}px`);
    const gone = h("span", { class: "gallery-gone" }, icon("gone"), h("span", { text: "File no longer kept" }));
    const image = h("img", {
      loading: "lazy",
      decoding: "async",
      alt: "",
      width: view.width_px,
      height: view.height_px,
      src: api.thumbnailAt(view.picture), // stays also where the file had to make room
    });
    image.addEventListener("error", () => image.replaceWith(gone), { once: true });
    image.addEventListener("load", () => image.classList.add("is-there"), { once: true });
    item.append(image, caption);
    return item;
  }

  #showNothing(error) {
    const isEmpty = this.#views.length === 0;
    this.nothing.hidden = !isEmpty;
    if (!isEmpty) return;
    const [title, words] = error
      ? ["The history could not be read", error.message]
      : this.#words
        ? [
            `Nothing with “${this.#words}”`,
            "All the words must be in the prompt; a number finds a seed. Try fewer words.",
          ]
        : [
            "Nothing here yet",
            "Everything you have drawn will hang here to dry. Go to the chat and describe your first picture.",
          ];
    if (error) this.total.textContent = "";
    this.nothing.replaceChildren(
      icon(error ? "warn" : "images"),
      h("h2", { text: title }),
      h("p", { text: words }),
      error
        ? h("button", { type: "button", class: "pill", text: "Try again", onclick: () => this.refresh() })
        : h("a", { class: "pill is-primary", href: "#", text: "To the chat" }),
    );
  }
}
