/** The right: the clock, the uploads as Vault sees them, what can go wrong, the bot, and how to sign in. */

import { busyWhile, perform, performing } from "./actions.js";
import { botLine, botPart } from "./bot_panel.js";
import { demoDate, demoNow } from "./clock.js";
import { el, fill } from "./dom.js";
import { local, utc } from "./format.js";
import { signIns } from "./sign_ins.js";
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
const GROUPS = { vault: "Vault", slack: "Slack", idp: "The company's sign-in" };
const HOUR = 3600;

/** Draw the right side; also each second, since its times run. */
export function renderVault(state) {
  fill(document.getElementById("vault"), [
    el("div.vault-top", {}, el("h2", {}, "Vault and time"), clock(state), botLine(state), jumps()),
    el(
      "div.vault-scroller",
      { tabindex: "0", role: "region", "aria-label": "Uploads, faults, bot and sign-in" },
      uploadsSection(state),
      part("faults", faults(state)),
      part("bot", botPart(state)),
      part("sign", signIns(state)),
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
        press("+ 30 min", "act-clock-half-hour", { by: HOUR / 2 }, { title: "Half an hour later" }),
        press("+ 1 h", "act-clock-hour", { by: HOUR }, { title: "One hour later" }),
        press("+ 1 day", "act-clock-day", { by: 24 * HOUR }, { title: "One day later" }),
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
      press("1 h before the next expiry", "act-clock-next", { before_next_expiry: HOUR }, beforeNext(state)),
    ),
  );
}

/** Which upload the jump leads to; where there is none, nowhere. */
function beforeNext({ vaults }) {
  const left = ({ expires }) => new Date(expires).getTime() / 1000 - demoNow();
  const [next] = vaults
    .flatMap(({ uploads }) => uploads)
    .filter((upload) => left(upload) > HOUR)
    .sort((one, other) => left(one) - left(other));
  return next ? { title: `One hour before ${next.name} expires` } : { disabled: true };
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
