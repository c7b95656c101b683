// One picture large; arrows and swipes go through its neighbours. Knows neither cards nor the gallery: it is given a list of
// views and asks for more at its end. What stands beside the picture is in large-side.js.

import { animationAt, pictureAt, thumbnailAt } from "./api.js";
import { h, icon, iconButton, say } from "./dom.js";
import { Side } from "./large-side.js";

const MOST_ENLARGED = 5; // beyond that a small picture is only blur
const SWIPE_PX = 48;

const GONE = "This picture's file is no longer kept. Its recipe is: press Again to draw it anew.";
const PAPER_GONE = "This file is no longer there; ask for it again.";

/** A view: { picture, prompt, seed, label, model, created_s, width_px, height_px, has_animation, is_kept, buttons, card }; of a
 * file that is no picture of ours, `address` and `save()` in place of `picture`. */
export class Lightbox {
  #views = [];
  #at = 0;
  #zoom = "fit";
  #isCrisp = false;
  #isFilm = false;
  #touch = null;

  /** `press(button, view)`; `goTo(view)` goes to its message, or null where it is not loaded: `canGoTo(view)`. */
  constructor({ press, goTo, canGoTo }) {
    this.side = new Side({
      press,
      canGoTo,
      goTo: (view) => {
        this.close();
        goTo(view);
      },
    });
    this.#build();
  }

  open(views, at, { isFilm = false, more = null, total = null } = {}) {
    this.#views = views;
    this.#at = at;
    this.more = more;
    this.total = total ?? (() => this.#views.length);
    this.#zoom = "fit";
    this.#isFilm = isFilm;
    this.before = document.activeElement;
    if (!this.element.open) {
      document.body.append(this.element);
      this.element.showModal();
    }
    this.#show();
    this.stage.focus({ preventScroll: true });
  }

  close() {
    if (this.element.open) this.element.close();
  }

  /** Shows a note's fields (a recipe) beside the picture. */
  note(card) {
    this.side.note(card);
  }

  get isOpen() {
    return this.element.open;
  }

  #build() {
    this.image = h("img", { class: "large-image", draggable: "false", "data-testid": "large" });
    this.stage = h(
      "div",
      { class: "large-stage", tabindex: "-1" },
      this.image,
      (this.missing = h("p", { class: "large-missing" })),
    );
    this.count = h("span", { class: "large-count" });
    this.previous = iconButton("left", "Previous picture", () => this.#go(-1), { class: "icon-button large-previous" });
    this.next = iconButton("right", "Next picture", () => this.#go(1), { class: "icon-button large-next" });
    this.fit = h("button", {
      type: "button",
      class: "pill",
      onclick: () => this.#setZoom(this.#zoom === "fit" ? "actual" : "fit"),
    });
    this.crisp = h(
      "button",
      {
        type: "button",
        class: "pill",
        title: "Show the pixels as they are",
        onclick: () => {
          this.#isCrisp = !this.#isCrisp;
          this.#size();
        },
      },
      icon("pixels"),
      h("span", { text: "Pixels" }),
    );
    this.film = h(
      "button",
      {
        type: "button",
        class: "pill",
        title: "Watch the picture develop from noise",
        "data-testid": "large-film",
        onclick: () => {
          this.#isFilm = !this.#isFilm;
          this.#source();
        },
      },
      icon("film"),
      h("span", { text: "Development" }),
    );
    const close = iconButton("close", "Close", () => this.close(), { class: "icon-button large-close" });
    this.element = h(
      "dialog",
      { class: "large", "aria-label": "Picture" },
      h(
        "div",
        { class: "large-view" },
        h("div", { class: "large-tools" }, this.count, this.fit, this.crisp, this.film),
        this.stage,
        this.previous,
        this.next,
      ),
      this.side.element,
      close,
      h("div", { class: "toasts toasts-inside", role: "status" }),
    );
    this.#listen();
  }

  #listen() {
    this.element.addEventListener("close", () => {
      this.element.remove();
      this.image.removeAttribute("src");
      if (this.before?.isConnected) this.before.focus({ preventScroll: true });
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
      const act = {
        ArrowLeft: () => this.#go(-1),
        ArrowRight: () => this.#go(1),
        z: () => this.fit.click(),
        p: () => this.crisp.click(),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    this.stage.addEventListener("click", (event) => {
      if (event.target === this.stage) this.close();
    });
    this.image.addEventListener("dblclick", () => this.fit.click());
    this.image.addEventListener("load", () => this.#size());
    this.image.addEventListener("error", () => {
      this.element.classList.add("is-missing");
    });
    this.stage.addEventListener(
      "touchstart",
      (event) => {
        this.#touch =
          event.touches.length === 1 && this.#zoom === "fit"
            ? { x: event.touches[0].clientX, y: event.touches[0].clientY }
            : null;
      },
      { passive: true },
    );
    this.stage.addEventListener("touchend", (event) => this.#swiped(event.changedTouches[0]), { passive: true });
    addEventListener("resize", () => {
      if (this.isOpen) this.#size();
    });
  }

  #swiped(end) {
    if (!this.#touch) return;
    const x = end.clientX - this.#touch.x;
    const y = end.clientY - this.#touch.y;
    this.#touch = null;
    if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 1.5 * Math.abs(y)) this.#go(x < 0 ? 1 : -1);
    else if (y > 2 * SWIPE_PX && Math.abs(y) > 2 * Math.abs(x)) this.close();
  }

  get #view() {
    return this.#views[this.#at];
  }

  async #go(by) {
    const to = this.#at + by;
    if (to >= this.#views.length && this.more) {
      await this.more();
      if (!this.isOpen || to >= this.#views.length) return;
    }
    if (to < 0 || to >= this.#views.length) return;
    this.#at = to;
    this.#zoom = "fit";
    this.#isFilm = false;
    this.#show();
  }

  #show() {
    const view = this.#view;
    say(this.count, this.total() > 1 ? `${this.#at + 1} of ${this.total().toLocaleString("en")}` : "");
    this.element.setAttribute("aria-label", `Picture: ${view.prompt}`);
    this.previous.hidden = this.#at === 0;
    this.next.hidden = this.#at >= this.total() - 1;
    say(this.missing, view.address ? PAPER_GONE : GONE);
    this.side.show(view);
    this.#source();
    const ahead = this.#views[this.#at + 1];
    if (ahead?.is_kept) new Image().src = pictureAt(ahead.picture);
  }

  #source() {
    const view = this.#view;
    const whole = view.address ?? (view.is_kept ? pictureAt(view.picture) : thumbnailAt(view.picture));
    const address = this.#isFilm ? animationAt(view.picture) : whole;
    this.element.classList.remove("is-missing"); // until this one cannot be loaded either
    this.film.hidden = !view.has_animation;
    this.film.setAttribute("aria-pressed", String(this.#isFilm));
    this.image.alt = view.prompt;
    if (this.image.getAttribute("src") !== address) this.image.src = address;
    this.#size();
  }

  #setZoom(zoom) {
    this.#zoom = zoom;
    this.#size();
  }

  #size() {
    const { width_px, height_px } = this.#view;
    const room = this.stage.getBoundingClientRect();
    const fits = Math.min((room.width - 32) / width_px, (room.height - 32) / height_px);
    const scale =
      this.#zoom === "fit" ? Math.min(fits, this.#isCrisp ? Math.max(1, Math.floor(fits)) : MOST_ENLARGED) : 1;
    this.image.style.width = `${Math.round(width_px * scale)}px`;
    this.image.style.height = `${Math.round(height_px * scale)}px`;
    this.element.classList.toggle("is-crisp", this.#isCrisp);
    this.element.classList.toggle("is-actual", this.#zoom === "actual");
    this.crisp.hidden = fits < 1.5;
    this.crisp.setAttribute("aria-pressed", String(this.#isCrisp));
    this.fit.replaceChildren(
      icon(this.#zoom === "fit" ? "grow" : "images"),
      h("span", { text: this.#zoom === "fit" ? "1:1" : "Fit" }),
    );
    this.fit.setAttribute("aria-label", this.#zoom === "fit" ? "Show at its own size" : "Fit into the window");
  }
}
