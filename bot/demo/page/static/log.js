/** The drawer at the bottom: every request between Slack, the bot, Vault and the sign-in, and what was in it. */

import { busyWhile, perform } from "./actions.js";
import { fetchExchange, fetchLog } from "./api.js";
import { el, fill } from "./dom.js";
import { timeWithSeconds } from "./format.js";
import { exchangeDetails } from "./log_details.js";
import { toast } from "./toast.js";

const MOST_ROWS = 300;

const root = document.getElementById("log");
let entries = [];
let last = 0;
let isOpen = false;
let isReading = false;
let wanted = "";
let chosen = null;
let followsEnd = true;

/** Draw the drawer, and read on in the log while it is open. */
export function renderLog(state) {
  const opens = state.drawer.open && !isOpen;
  isOpen = state.drawer.open;
  document.getElementById("layout").dataset.drawer = String(isOpen);
  if (opens) followsEnd = true;
  draw();
  if (isOpen) readOn();
}

async function readOn() {
  if (isReading) return;
  isReading = true;
  try {
    const news = await fetchLog(last);
    if (news.last < last) entries = [];
    last = news.last;
    // Written down as they end; in the order in which they began, an answer follows what it answers.
    entries = [...entries, ...news.entries].sort((a, b) => a.began - b.began).slice(-MOST_ROWS);
    draw();
  } catch {
    // The connection note already says that the server does not answer.
  } finally {
    isReading = false;
  }
}

function draw() {
  const list = root.querySelector(".log-list");
  if (list) followsEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  fill(root, [head(), isOpen ? body() : null].filter(Boolean));
  const drawn = root.querySelector(".log-list");
  if (drawn && followsEnd) drawn.scrollTop = drawn.scrollHeight;
}

function head() {
  const toggle = (event) => busyWhile(event.currentTarget, perform("drawer", { open: !isOpen }));
  return el(
    "div.log-head",
    {},
    el(
      "button.plain.log-toggle",
      { type: "button", "aria-expanded": String(isOpen), test: "act-drawer", on: { click: toggle } },
      el("span", { "aria-hidden": "true" }, isOpen ? "▾ " : "▴ "),
      "Log of requests",
    ),
    isOpen
      ? filterField()
      : el("span.quiet.small", {}, "Everything Slack, the bot, Vault and the sign-in say to each other"),
  );
}

function filterField() {
  const input = (event) => {
    wanted = event.currentTarget.value.trim().toLowerCase();
    draw();
  };
  return el("input.field.small.log-filter", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter the log",
    test: "log-filter",
    on: { input },
  });
}

/** Whether every word of the filter stands somewhere in the row. */
function matches({ from, to, what, who, status }) {
  const row = `${from} → ${to} ${what} ${who ?? ""} ${status}`.toLowerCase();
  return wanted.split(/\s+/).every((word) => row.includes(word));
}

function body() {
  const rows = entries.filter(matches);
  const nothing = entries.length ? "Nothing matches." : "Nothing has been said yet. Ask the app something.";
  return el(
    "div.log-body",
    {},
    rows.length
      ? el(
          "ol.log-list",
          { key: "rows", "aria-label": "Requests, oldest first", on: { keydown: walk } },
          rows.map(row),
        )
      : el("p.quiet.log-nothing", { key: "nothing" }, nothing),
    chosen
      ? el(
          "div.log-details",
          { key: `details-${chosen.n}`, role: "region", "aria-label": `Request ${chosen.n}`, tabindex: "0" },
          exchangeDetails(chosen, hideDetails),
        )
      : null,
  );
}

function row(entry) {
  const { n, at, from, to, what, who, status, ok, seconds } = entry;
  const isChosen = chosen?.n === n;
  return el(
    "li",
    { key: `row-${n}` },
    el(
      "button.log-row",
      {
        type: "button",
        class: ok ? "" : "is-bad",
        "aria-pressed": String(isChosen),
        test: "log-row",
        "data-n": n,
        on: { click: (event) => show(n, event.currentTarget) },
      },
      el("time.log-time", { datetime: at }, timeWithSeconds(new Date(at))),
      el("span.log-way", {}, `${from} → ${to}`),
      el("span.log-what", {}, what),
      el("span.log-who", {}, who ?? ""),
      el("span.log-status", { title: ok ? null : "It failed" }, ok ? status : `✕ ${status}`),
      el(
        "span.log-took",
        {},
        seconds === null || seconds === undefined ? "" : `${Math.round(seconds * 1000)} ms`,
      ),
    ),
  );
}

async function show(n, button) {
  try {
    chosen = { n, ...(await busyWhile(button, fetchExchange(n))) };
    draw();
  } catch (refusal) {
    toast(refusal.message, { error: true });
  }
}

function hideDetails() {
  const { n } = chosen;
  chosen = null;
  draw();
  root.querySelector(`[data-n="${n}"]`)?.focus();
}

/** Arrow keys go from row to row; Esc closes the details. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && chosen) hideDetails();
  if (!step) return;
  const rows = [...root.querySelectorAll(".log-row")];
  const next = rows[rows.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
