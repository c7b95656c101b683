// A small drawing board: strokes over a background colour, undone one by one; what is drawn becomes the source of a remix.
// Closed without being used, it is there again at the next opening. Knows nothing of what is done with it.

import { openDialog } from "./dialog.js";
import { h, icon } from "./dom.js";

const SIDE_PX = 512;
const MOST_UNDO = 40;
const COLOURS = [
  ["Black", "#161616"],
  ["White", "#ffffff"],
  ["Grey", "#8a8f98"],
  ["Red", "#e03a2f"],
  ["Orange", "#f2862b"],
  ["Yellow", "#f6cf3a"],
  ["Green", "#3fa34d"],
  ["Teal", "#1fa5a0"],
  ["Blue", "#2f6fe0"],
  ["Purple", "#8347c9"],
  ["Pink", "#ef7fb4"],
  ["Brown", "#8a5a33"],
];
const SIZES = [
  ["Fine", 6],
  ["Small", 14],
  ["Medium", 28],
  ["Large", 56],
  ["Huge", 104],
];

let unused = null; // { ground, pixels, undone } of a drawing that was closed

/** `use(blob)` takes the PNG. */
export function openSketch({ use }) {
  const canvas = h("canvas", {
    class: "sketch-canvas",
    width: SIDE_PX,
    height: SIDE_PX,
    role: "img",
    "aria-label": "Your sketch",
    "data-testid": "sketch",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = { colour: COLOURS[0][1], size: SIZES[2][1], isEraser: false };
  let ground = unused?.ground ?? "#ffffff";
  const undone = unused?.undone ?? [];
  if (unused) context.putImageData(unused.pixels, 0, 0);
  let isUsed = false;

  const keep = () => {
    undone.push({ ground, pixels: context.getImageData(0, 0, SIDE_PX, SIDE_PX) });
    if (undone.length > MOST_UNDO) undone.shift();
    undo.disabled = false;
  };
  const setGround = (colour) => {
    ground = colour;
    canvas.style.backgroundColor = colour;
  };
  const undo = tool("undo", "Undo", () => {
    const last = undone.pop();
    if (!last) return;
    context.putImageData(last.pixels, 0, 0);
    setGround(last.ground);
    undo.disabled = undone.length === 0;
  });
  undo.disabled = undone.length === 0;
  const fill = tool("fill", "Fill the background", () => {
    keep();
    setGround(pen.colour);
  });
  const clear = tool("trash", "Clear", () => {
    keep();
    context.clearRect(0, 0, SIDE_PX, SIDE_PX);
    setGround("#ffffff");
  });
  const eraser = tool("eraser", "Eraser", () => {
    pen.isEraser = !pen.isEraser;
    show();
  });

  const colours = COLOURS.map(([name, colour]) =>
    choice(
      name,
      "swatch",
      () => {
        pen.colour = colour;
        pen.isEraser = false;
        show();
      },
      (element) => element.style.setProperty("--swatch", colour),
    ),
  );
  const sizes = SIZES.map(([name, size]) =>
    choice(
      `${name} brush`,
      "brush-size",
      () => {
        pen.size = size;
        show();
      },
      (element) => element.style.setProperty("--dot", `${4 + size / 5}px`),
    ),
  );
  function show() {
    COLOURS.forEach(([, colour], at) => check(colours[at], pen.colour === colour && !pen.isEraser));
    SIZES.forEach(([, size], at) => check(sizes[at], pen.size === size));
    eraser.setAttribute("aria-pressed", String(pen.isEraser));
  }
  show();
  setGround(ground);
  startDrawing(canvas, context, pen, keep);

  const ready = h("button", {
    type: "button",
    class: "pill is-primary is-large",
    text: "Use as source",
    "data-testid": "sketch-use",
    onclick: () =>
      flat(canvas, ground).toBlob((blob) => {
        isUsed = true;
        opened.close();
        use(blob);
      }, "image/png"),
  });
  const body = h(
    "div",
    { class: "sketch" },
    canvas,
    h(
      "div",
      { class: "sketch-tools" },
      h("div", { class: "swatches", role: "radiogroup", "aria-label": "Colour" }, colours),
      h("div", { class: "brush-sizes", role: "radiogroup", "aria-label": "Brush size" }, sizes),
      h("div", { class: "sketch-buttons" }, eraser, fill, undo, clear),
    ),
  );
  for (const group of body.querySelectorAll("[role=radiogroup]")) group.addEventListener("keydown", roam);
  const opened = openDialog({
    title: "Draw a sketch",
    kind: "is-sketch",
    body,
    actions: [h("p", { class: "foot-words", text: "Rough is fine: the remix finishes it." }), ready],
    onclose: () => {
      const isWorthKeeping = !isUsed && undone.length > 0;
      unused = isWorthKeeping ? { ground, undone, pixels: context.getImageData(0, 0, SIDE_PX, SIDE_PX) } : null;
    },
  });
  opened.element.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      undo.click();
    }
  });
  colours[0].focus();
}

function tool(name, label, act) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act },
    icon(name),
  );
}

function choice(name, kind, act, dress) {
  const element = h("button", {
    type: "button",
    class: kind,
    role: "radio",
    "aria-label": name,
    title: name,
    onclick: act,
  });
  dress(element);
  return element;
}

function check(element, isChecked) {
  element.setAttribute("aria-checked", String(isChecked));
  element.tabIndex = isChecked ? 0 : -1;
}

function roam(event) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll("button")];
  const to = all.at((all.indexOf(document.activeElement) + by) % all.length);
  to.click();
  to.focus();
}

function startDrawing(canvas, context, pen, keep) {
  let last = null; // the point before, and the middle between it and the one before that
  const at = (event) => {
    const room = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - room.left) / room.width) * SIDE_PX,
      y: ((event.clientY - room.top) / room.height) * SIDE_PX,
    };
  };
  const stroke = (event) => {
    const point = at(event);
    const middle = { x: (last.x + point.x) / 2, y: (last.y + point.y) / 2 };
    context.lineWidth = pen.size * (event.pointerType === "pen" && event.pressure ? 0.4 + 1.2 * event.pressure : 1);
    context.beginPath();
    context.moveTo(last.middle.x, last.middle.y);
    context.quadraticCurveTo(last.x, last.y, middle.x, middle.y);
    context.stroke();
    last = { ...point, middle };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    keep();
    Object.assign(context, {
      lineCap: "round",
      lineJoin: "round",
      strokeStyle: pen.colour,
      globalCompositeOperation: pen.isEraser ? "destination-out" : "source-over",
    });
    const point = at(event);
    last = { ...point, middle: point };
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length ? all : [event]) stroke(one);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    canvas.addEventListener(end, () => {
      last = null;
    });
}

/** The strokes on their ground, as one opaque picture. */
function flat(canvas, ground) {
  const whole = h("canvas", { width: SIDE_PX, height: SIDE_PX });
  const context = whole.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, SIDE_PX, SIDE_PX);
  context.drawImage(canvas, 0, 0);
  return whole;
}
