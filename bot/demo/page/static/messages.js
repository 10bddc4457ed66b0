/** The middle: the conversation or the App Home, what Slack would reject, and the thread beside it. */

import { perform, performing } from "./actions.js";
import { drawBlocks } from "./blocks.js";
import { fillComposer } from "./composer.js";
import { el, fill } from "./dom.js";
import { counted } from "./format.js";
import { openMenu } from "./menu.js";
import { MessageList } from "./message_list.js";
import { problemCard } from "./problem_card.js";
import { valuesIn } from "./values.js";

const byId = (id) => document.getElementById(id);

const conversation = new MessageList(byId("conversation"), byId("messages"), byId("newer"));
const thread = new MessageList(byId("thread-scroller"), byId("thread-messages"));

/** What a place is called. */
export function placeTitle(place, state) {
  if (!place) return "";
  if (place.kind === "dm") return state.app.name;
  if (place.kind === "home") return `${state.app.name} · Home`;
  return `${place.kind === "private" ? "🔒 " : "# "}${place.name}`;
}

/** Draw the middle. */
export function renderTalk(state) {
  const place = state.places.find((one) => one.id === state.place);
  fill(byId("place-head"), placeHead(place, state));
  byId("conversation").setAttribute(
    "aria-label",
    place?.kind === "home" ? "App Home" : `Messages in ${placeTitle(place, state)}`,
  );
  if (place?.kind === "home") renderHome(state);
  else
    conversation.show(`${state.me}/${state.place}`, state.messages, viewOf(state), {
      empty: () => empty(place, state),
    });
  byId("composer").hidden = place?.kind === "home";
  renderProblems(state.problems ?? []);
  renderThread(state);
}

/** Follow the conversation again after one has written something. */
export function followNewest(inThread) {
  (inThread ? thread : conversation).toEnd();
}

function viewOf(state, inThread = false) {
  const shortcuts = (state.app.shortcuts ?? []).filter((shortcut) => shortcut.type === "message");
  return { me: state.me, inThread, shortcuts, continued: false };
}

const ABOUT = {
  channel: "Everyone in the workspace can read here",
  private: "Only its members see this channel",
  dm: "Between you and the app",
  home: "The app's own page, for you alone",
};

function placeHead(place, state) {
  const shortcuts = (state.app.shortcuts ?? []).filter((shortcut) => shortcut.type === "global");
  const open = (event) => openMenu(event.currentTarget, shortcuts.map(shortcutItem), "Shortcuts");
  return [
    el(
      "div.place-title",
      {},
      el("h2", {}, placeTitle(place, state)),
      el("p.quiet.small", {}, ABOUT[place?.kind] ?? ""),
    ),
    shortcuts.length
      ? el(
          "button.button",
          {
            type: "button",
            "aria-haspopup": "menu",
            "aria-expanded": "false",
            test: "shortcuts",
            on: { click: open },
          },
          "⚡ Shortcuts",
        )
      : null,
  ].filter(Boolean);
}

const shortcutItem = (shortcut) => ({
  label: shortcut.name,
  test: `act-shortcut-${shortcut.callback_id}`,
  run: () => perform("shortcut", { callback_id: shortcut.callback_id }),
});

function empty(place, state) {
  const command = state.app.commands?.[0]?.command;
  const words = ["list", "help", "link"].map((word) => `${command} ${word}`);
  const chip = (text) =>
    el("button.button", { type: "button", test: "act-try", on: { click: () => fillComposer(text) } }, text);
  return el(
    "div.empty",
    { key: "empty" },
    el(
      "p",
      {},
      place?.kind === "dm"
        ? `This is the beginning of your messages with ${state.app.name}.`
        : `This is the beginning of ${placeTitle(place, state)}.`,
    ),
    command ? el("p.quiet", {}, "Ask the app something:") : null,
    command ? el("div.actions", {}, words.map(chip)) : null,
  );
}

function renderHome(state) {
  const surface = {
    name: "home",
    values: state.home?.values,
    quiet: false,
    press: (element, block, option) =>
      perform("click_view", {
        view: "home",
        action_id: element.action_id,
        block_id: block.block_id,
        option,
        values: valuesIn(byId("messages")),
      }),
  };
  const blocks = state.home?.blocks ?? [];
  conversation.leave();
  const nothing = el("p.quiet", { key: "home-empty" }, "The app has not drawn its Home yet.");
  fill(byId("messages"), [
    blocks.length ? el("div.home", { key: "home", test: "home" }, drawBlocks(blocks, surface)) : nothing,
  ]);
}

function renderProblems(problems) {
  const region = byId("problems");
  region.hidden = problems.length === 0;
  fill(region, problems.map(problem));
}

function problem({ id, title, reasons, payload }) {
  const dismiss = el(
    "button.button",
    { type: "button", test: "act-dismiss", on: { click: performing("dismiss", { problem: id }) } },
    "Dismiss",
  );
  return el(
    "div",
    { key: `problem-${id}`, test: "problem" },
    problemCard(title, payload, reasons, [dismiss]),
  );
}

function renderThread(state) {
  const pane = byId("thread");
  pane.hidden = !state.thread;
  byId("layout").dataset.thread = String(Boolean(state.thread));
  if (!state.thread) return;
  const { parent, messages } = state.thread;
  const closing = el(
    "button.plain",
    {
      type: "button",
      "aria-label": "Close the thread",
      test: "act-close_thread",
      on: { click: performing("close_thread") },
    },
    "✕",
  );
  fill(byId("thread-head"), [el("div.place-title", {}, el("h2", {}, "Thread")), closing]);
  const replies = (message) =>
    message.key === parent.key && messages.length
      ? el(
          "div.day",
          { key: "replies" },
          el("span", {}, counted(messages.length, "reply").replace("replys", "replies")),
        )
      : null;
  thread.show(
    `${state.me}/${parent.key}`,
    [parent, ...messages.filter((one) => one.key !== parent.key)],
    viewOf(state, true),
    { after: replies },
  );
}
