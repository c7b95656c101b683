// Numbers, times and counts in words. Pure; knows no element.

export function seconds(s) {
  const whole = Math.max(1, Math.round(s));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return `${Math.round(whole / 3600)} h`;
}

export const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DAY_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });

export const fullTime = (unix_s) => LONG.format(unix_s * 1000);

export function day(unix_s, now = new Date()) {
  const then = new Date(unix_s * 1000);
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return then.getFullYear() === now.getFullYear() ? DAY.format(then) : DAY_YEAR.format(then);
}

export function shortTime(unix_s) {
  const word = day(unix_s);
  const time = TIME.format(unix_s * 1000);
  if (word === "Today") return `Today at ${time}`;
  if (word === "Yesterday") return `Yesterday at ${time}`;
  return `${DAY_YEAR.format(unix_s * 1000)}, ${time}`;
}

/** What a card's state is called, and what else is known: { title, rest }. `now_s` is the server's clock. */
export function stateWords(card, now_s) {
  switch (card.state) {
    case "waiting":
      return { title: "Waiting", rest: joined(place(card.position), noticeOf(card) ? "" : wait(card, now_s)) };
    case "loading":
      return {
        title: card.sentence || "Loading the model",
        rest: joined(percent(card.fraction), wait(card, now_s, true)),
      };
    case "drawing":
      return { title: card.sentence || "Drawing", rest: joined(percent(card.fraction), wait(card, now_s, true)) };
    case "offered":
      return { title: "Before I draw", rest: "" };
    case "failed":
      return { title: "This did not work", rest: "" };
    case "cancelled":
      return { title: "Cancelled", rest: "" };
    default:
      return { title: "", rest: "" };
  }
}

const OF_COURSE = /^(Waiting for its turn|This takes longer than I thought)/; // the line of the state says so itself

/** Why a request waits, where it is not for its turn alone: a paused engine, an ill disk. "" for no such reason. */
export const noticeOf = (card) => (card.state === "waiting" && !OF_COURSE.test(card.sentence) ? card.sentence : "");

export function bytes(n) {
  if (n < 1000) return `${n} bytes`;
  const [value, unit] = n < 1e6 ? [n / 1e3, "kB"] : n < 1e9 ? [n / 1e6, "MB"] : [n / 1e9, "GB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

const joined = (...parts) => parts.filter(Boolean).join(" · ");
const percent = (fraction) => (fraction === null || fraction === undefined ? "" : `${Math.round(fraction * 100)} %`);
const place = (position) => (!position ? "" : position === 1 ? "position 1, next in line" : `position ${position}`);

const LATE = "taking longer than expected";
const GRACE_S = 1.5; // the next card is on its way, mostly

/** Never a time that is over, whether the server says so or the clock runs out between two cards. */
function wait(card, now_s, isRunning = false) {
  if (card.is_overdue) return LATE;
  if (card.wait_s === null || card.wait_s === undefined) return "";
  const left = card.told_at_s + card.wait_s - now_s;
  if (left < -GRACE_S) return LATE;
  if (left < 1) return isRunning ? "almost there" : "any moment";
  return `about ${seconds(left)}${isRunning ? " left" : ""}`;
}
