/** Numbers and moments as people read them. The clock is the demo's, the zone the reader's. */

import { demoNow } from "./clock.js";

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];
const SPANS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** A size as Vault counts them: 1 MB = 1024 × 1024 bytes. */
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} ${value === 1 ? "byte" : "bytes"}` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** Floored, so that 100 means that every byte is there. */
export function percent(done, whole) {
  return whole > 0 ? Math.min(100, Math.floor((done / whole) * 100)) : 100;
}

/** "3 hours", "1 day", "20 seconds". */
export function span(seconds) {
  for (const [name, length] of SPANS) {
    if (seconds >= length) return counted(Math.floor(seconds / length), name);
  }
  return counted(Math.max(0, Math.floor(seconds)), "second");
}

/** Shorter, and finer below a few days: "2 d", "71 h", "46 min". */
export function shortSpan(seconds) {
  if (seconds >= 4 * 86400) return `${Math.floor(seconds / 86400)} d`;
  if (seconds >= 2 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min` : `${Math.max(0, Math.floor(seconds))} s`;
}

/** "3 hours ago" or "in 3 hours", seen from the demo's clock. */
export function ago(epoch) {
  const passed = demoNow() - epoch;
  if (Math.abs(passed) < 1) return "now";
  return passed > 0 ? `${span(passed)} ago` : `in ${span(-passed)}`;
}

/** "1 part", "2 parts". */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

const timeForm = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const timeSecondsForm = new Intl.DateTimeFormat(undefined, {
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});

/** Time of day in the reader's zone. */
export const time = (date) => timeForm.format(date);

/** The same with seconds. */
export const timeWithSeconds = (date) => timeSecondsForm.format(date);

const english = (options) => new Intl.DateTimeFormat("en-US", options);
const forms = {
  date: english({ month: "long", day: "numeric", year: "numeric" }),
  short: english({ month: "short", day: "numeric", year: "numeric" }),
  long: english({ weekday: "long", month: "long", day: "numeric", year: "numeric" }),
};

/** "February 18th, 2014", as Slack writes a day. */
function ordinal(form, date) {
  const suffix = (day) => {
    if (day % 100 >= 11 && day % 100 <= 13) return "th";
    return ["th", "st", "nd", "rd"][day % 10] ?? "th";
  };
  const part = (piece) =>
    piece.type === "day" ? `${piece.value}${suffix(Number(piece.value))}` : piece.value;
  return form.formatToParts(date).map(part).join("");
}

/** The number of the local day; two moments on one day have the same. */
export function dayNumber(date) {
  return Math.round(new Date(date.getFullYear(), date.getMonth(), date.getDate(), 12).getTime() / 86400000);
}

/** "yesterday", "today" or "tomorrow", else null. */
function nearDay(date) {
  const difference = dayNumber(date) - dayNumber(new Date(demoNow() * 1000));
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[difference] ?? null;
}

const iso = (date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");

/** What each name in a date token's form stands for; Slack: docs "Formatting text", "Date formatting". */
const TOKENS = {
  date_num: iso,
  date: (date) => ordinal(forms.date, date),
  date_short: (date) => forms.short.format(date),
  date_long: (date) => ordinal(forms.long, date),
  date_pretty: (date) => nearDay(date) ?? TOKENS.date(date),
  date_short_pretty: (date) => nearDay(date) ?? TOKENS.date_short(date),
  date_long_pretty: (date) => nearDay(date) ?? TOKENS.date_long(date),
  time,
  time_secs: timeWithSeconds,
  ago: (date) => ago(date.getTime() / 1000),
};

/** A date token's text in the reader's zone; null if it is not one Slack knows, so that its fallback is shown. */
export function dateToken(epochText, form) {
  if (!/^-?\d{1,12}$/.test(epochText) || !form.includes("{")) return null;
  const date = new Date(Number(epochText) * 1000);
  let known = true;
  const text = form.replace(/\{([a-z_]*)\}/g, (whole, name) => {
    if (Object.hasOwn(TOKENS, name)) return TOKENS[name](date);
    known = false;
    return whole;
  });
  return known && !Number.isNaN(date.getTime()) ? text : null;
}

/** A day as a heading between messages. */
export function dayHeading(date) {
  const near = nearDay(date);
  return near ? near[0].toUpperCase() + near.slice(1) : TOKENS.date_long(date);
}

/** "Sun 22 Nov 2026, 17:45 UTC". */
export function utc(date) {
  const day = date.toLocaleDateString("en-GB", {
    timeZone: "UTC",
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  return `${day}, ${date.toISOString().slice(11, 19)} UTC`;
}

/** The same moment in the reader's zone, with that zone's name. */
export function local(date) {
  const text = date.toLocaleString("en-GB", {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return `${text} in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}
