/** The right: the clock, the uploads as Vault sees them, what can go wrong, the bot, and how to sign in. */

import { busyWhile, copy, perform, performing } from "./actions.js";
import { demoDate } from "./clock.js";
import { el, fill } from "./dom.js";
import { local, utc } from "./format.js";
import { toast } from "./toast.js";
import { uploadsSection } from "./uploads.js";

const SPEEDS = [
  [0, "Pause"],
  [1, "× 1"],
  [60, "× 60"],
  [600, "× 600"],
];
const PARTS = { uploads: "Uploads", faults: "Faults", bot: "Bot", sign: "Sign-in" };
/** Faults that happen in one moment and have no "on". */
const AT_ONCE = new Set(["vault_logged_out", "socket_lost"]);
const GROUPS = { vault: "Vault", slack: "Slack", bot: "Bot" };

/** Draw the right side; also each second, since its times run. */
export function renderVault(state) {
  fill(document.getElementById("vault"), [
    el("div.vault-top", {}, el("h2", {}, "Vault and time"), clock(state), jumps()),
    el(
      "div.vault-scroller",
      { tabindex: "0", role: "region", "aria-label": "Uploads, faults, bot and sign-in" },
      uploadsSection(state),
      part("faults", faults(state)),
      part("bot", bot(state)),
      part("sign", signIn(state)),
    ),
  ]);
}

function part(name, content) {
  return el(
    "section.vault-part",
    { id: `part-${name}`, "aria-labelledby": `part-${name}-title` },
    el("h3", { id: `part-${name}-title` }, PARTS[name]),
    content,
  );
}

/** Buttons that bring a part of the panel into view. */
function jumps() {
  const go = (name) => () => {
    const section = document.getElementById(`part-${name}`);
    section.scrollIntoView({
      block: "start",
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
    });
  };
  return el(
    "div.jumps",
    { role: "group", "aria-label": "Go to a part" },
    Object.entries(PARTS).map(([name, title]) =>
      el("button.plain.small", { type: "button", on: { click: go(name) } }, title),
    ),
  );
}

function clock(state) {
  const now = demoDate();
  const press = (label, test, details, props = {}) =>
    el(
      "button.button.small",
      { type: "button", test, on: { click: performing("clock", details) }, ...props },
      label,
    );
  return el(
    "div.clock",
    {},
    el("p.clock-now", { test: "clock-now" }, el("time", { datetime: now.toISOString() }, utc(now))),
    el("p.quiet.small", {}, local(now)),
    el(
      "div.clock-buttons",
      {},
      el(
        "span.button-row",
        { role: "group", "aria-label": "Move the clock" },
        press("+ 1 h", "act-clock-hour", { by: 3600 }, { title: "One hour later" }),
        press("+ 1 day", "act-clock-day", { by: 86400 }, { title: "One day later" }),
      ),
      el(
        "span.button-row",
        { role: "group", "aria-label": "Speed of the clock" },
        SPEEDS.map(([speed, label]) =>
          press(
            label,
            `act-speed-${speed}`,
            { speed },
            { "aria-pressed": String(state.clock.speed === speed) },
          ),
        ),
      ),
    ),
  );
}

function faults(state) {
  const groups = Object.entries(Object.groupBy(state.faults ?? [], (fault) => fault.group));
  return groups.map(([group, list]) =>
    el(
      "div.fault-group",
      { key: `faults-${group}` },
      el("h4", {}, GROUPS[group] ?? group),
      el("div.switches", {}, list.map(faultSwitch)),
    ),
  );
}

function faultSwitch({ key, label, on }) {
  if (AT_ONCE.has(key)) return faultButton(key, label);
  return el(
    "button.switch",
    {
      type: "button",
      role: "switch",
      "aria-checked": String(on),
      key,
      test: `fault-${key}`,
      on: { click: performing("fault", { key, on: !on }) },
    },
    el("span", {}, label),
    el("span.switch-state", { "aria-hidden": "true" }, el("span.switch-knob"), on ? "On" : "Off"),
  );
}

function faultButton(key, label) {
  const strike = async (event) => {
    if (await busyWhile(event.currentTarget, perform("fault", { key, on: true }))) toast(`Done: ${label}`);
  };
  return el(
    "button.switch",
    { type: "button", key, test: `fault-${key}`, on: { click: strike } },
    el("span", {}, label),
    el("span.switch-state", { "aria-hidden": "true" }, "⚡ once"),
  );
}

const MODES = {
  socket: "Socket Mode: the bot keeps a connection to Slack",
  http: "HTTP mode: Slack calls the bot's address",
};

function bot({ bot: process, faults: list }) {
  const stopper = (list ?? []).find((fault) => fault.group === "bot" && /kill|down|stop/.test(fault.key));
  const on = process.running;
  const button = stopper
    ? el(
        "button.button.small",
        {
          type: "button",
          class: on ? "is-danger" : "is-primary",
          test: on ? "act-bot-kill" : "act-bot-start",
          on: { click: performing("fault", { key: stopper.key, on }) },
        },
        on ? "Kill the bot" : "Start it again",
      )
    : null;
  return [
    el(
      "p.bot-state",
      { test: "bot-state" },
      el("span.lamp", { class: on ? "is-on" : "is-off", "aria-hidden": "true" }),
      on ? `Running, process ${process.pid}` : "Killed",
      button,
    ),
    el("p.quiet.small", {}, MODES[process.mode] ?? process.mode),
    process.address ? el("p.small", {}, "Its pages: ", el("code", {}, process.address)) : null,
    process.log_tail?.length
      ? el(
          "details",
          {},
          el("summary", {}, "Its last log lines"),
          el("pre.log-tail", { tabindex: "0", "aria-label": "Log of the bot" }, process.log_tail.join("\n")),
        )
      : null,
  ];
}

function signIn(state) {
  const rows = (state.credentials ?? []).map((one) => credential(one, state));
  return [
    el("p.quiet.small", {}, "Made up for this demo. The bot's link page asks for them; Slack never does."),
    el(
      "div.table-frame",
      { tabindex: "0", role: "region", "aria-label": "Demo sign-ins" },
      el("table.table.credentials", {}, el("tbody", {}, rows)),
    ),
  ];
}

function credential({ person, user_name: userName, password, tokens }, { people }) {
  const name = people.find((one) => one.key === person)?.name ?? person;
  const copyable = (text, what) =>
    el(
      "button.copyable",
      {
        type: "button",
        title: `Copy ${what}`,
        "aria-label": `Copy ${what}: ${text}`,
        on: { click: () => copy(text, what) },
      },
      text,
    );
  const secrets = [
    ["user name", userName],
    ["password", password],
    ...Object.entries(tokens ?? {}).map(([vault, token]) => [`token for ${vault}`, token]),
  ].filter(([, value]) => value);
  return el(
    "tr",
    { key: person, test: `credentials-${person}` },
    el("th", { scope: "row" }, name),
    el(
      "td",
      {},
      secrets.map(([what, value]) =>
        el("div", {}, el("span.quiet.small", {}, `${what} `), copyable(value, `${name}'s ${what}`)),
      ),
    ),
  );
}
