/** The bot's process: what it is just now, how to end and start it, and the end of its log. */

import { performing } from "./actions.js";
import { el } from "./dom.js";

const MODES = {
  socket: "Socket Mode: the bot keeps a connection to Slack",
  http: "HTTP mode: Slack calls the bot's address",
};
const WORDS = { running: "Bot is running", starting: "Bot is starting", stopping: "Bot is stopping" };
const KILLED = -9;

/** The line with its state and buttons, always in view. */
export function botLine({ bot }) {
  const { phase } = bot;
  const button = (label, to, look, when) =>
    when.includes(phase)
      ? el(
          "button.button.small",
          { type: "button", class: look, test: `act-bot-${to}`, on: { click: performing("bot", { to }) } },
          label,
        )
      : null;
  return el(
    "div.bot-line",
    { role: "group", "aria-label": "The bot's process" },
    el("span.lamp", { class: `is-${phase}`, "aria-hidden": "true" }),
    el("p.bot-state", { test: "bot-state", role: "status" }, stateWords(bot)),
    el(
      "span.bot-buttons",
      {},
      button("Stop", "stop", "", ["running"]),
      button("Kill", "kill", "is-danger", ["running", "stopping"]),
      button("Start", "start", "is-primary", ["stopped"]),
    ),
  );
}

function stateWords({ phase, exit_code: code }) {
  if (phase !== "stopped") return WORDS[phase];
  if (code === KILLED) return "Bot was killed";
  return code ? `Bot ended with code ${code}` : "Bot is stopped";
}

/** How it is reached, and what it logged last. */
export function botPart({ bot }) {
  return [
    el("p.quiet.small", {}, MODES[bot.mode] ?? bot.mode),
    el("p.small", {}, "Its pages: ", el("code", {}, bot.address)),
    bot.pid ? el("p.small", { test: "bot-pid" }, `Its process: ${bot.pid}`) : null,
    bot.log_tail.length
      ? el(
          "details",
          {},
          el("summary", {}, "Its last log lines"),
          el("pre.log-tail", { tabindex: "0", "aria-label": "Log of the bot" }, bot.log_tail.join("\n")),
        )
      : null,
  ];
}
