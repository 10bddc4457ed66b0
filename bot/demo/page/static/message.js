/** One message: who, when, its blocks, and what can be done with it. */

import { copy, perform, performing } from "./actions.js";
import { avatar } from "./avatar.js";
import { drawBlocks } from "./blocks.js";
import { dayNumber, counted, time, utc } from "./format.js";
import { demoDate } from "./clock.js";
import { person } from "./directory.js";
import { el } from "./dom.js";
import { openMenu } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";

const APART_SECONDS = 300;

/** When it was written. */
export const writtenAt = (message) => new Date(Number(message.ts) * 1000);

/** Whether a message goes on where the one before it ended, so that the name need not be repeated. */
export function continues(message, before) {
  return Boolean(
    before &&
    before.author.id === message.author.id &&
    Boolean(before.ephemeral) === Boolean(message.ephemeral) &&
    Number(message.ts) - Number(before.ts) < APART_SECONDS &&
    !before.replies &&
    dayNumber(writtenAt(before)) === dayNumber(writtenAt(message)),
  );
}

/** Everything a drawn message depends on; the same signature means the same drawing. */
export function signature(message, view) {
  const content = JSON.stringify(message);
  const moment = content.includes("{ago}") ? Math.floor(demoDate().getTime() / 30000) : dayNumber(demoDate());
  return `${view.me}|${view.continued}|${view.inThread}|${view.shortcuts.length}|${moment}|${content}`;
}

/**
 * Draw a message.
 *
 * @param {object} message as the server gives it
 * @param {{me: string, continued: boolean, inThread: boolean, shortcuts: object[]}} view
 */
export function drawMessage(message, view) {
  const { author, ephemeral } = message;
  const at = writtenAt(message);
  const clock = el("time.quiet.small", { datetime: at.toISOString(), title: utc(at) }, time(at));
  const isHeadless = view.continued;
  return el(
    "article.message",
    {
      class: `${ephemeral ? "is-ephemeral" : ""} ${isHeadless ? "is-continued" : ""}`,
      key: message.key,
      test: "message",
      "aria-label": `${author.name}, ${time(at)}`,
    },
    el("div.gutter", {}, isHeadless ? clock : avatar(author.name, author.kind)),
    el(
      "div.message-body",
      {},
      ephemeral
        ? el("p.only-you", {}, el("span", { "aria-hidden": "true" }, "◉ "), "Only visible to you")
        : null,
      isHeadless ? null : head(message, clock),
      content(message),
      cards(message),
      message.edited ? el("span.edited", {}, "(edited)") : null,
      repliesButton(message, view),
    ),
    toolbar(message, view),
  );
}

function head({ author, shared_by: sharedBy }, clock) {
  const badge = { app: "App", slackbot: "Slack" }[author.kind];
  return el(
    "div.message-head",
    {},
    el("span.author", {}, author.name),
    badge ? el("span.badge", {}, badge) : null,
    clock,
    sharedBy
      ? el("span.quiet.small", {}, `shared by ${person(sharedBy)?.name ?? sharedBy.name ?? sharedBy}`)
      : null,
  );
}

function content(message) {
  if (!message.blocks?.length) return mrkdwn(message.text);
  return drawBlocks(message.blocks, surfaceOf(message, `message-${message.key}`));
}

/** What the app shows of links in somebody's message: below it, for everybody who sees it. */
function cards(message) {
  if (!message.cards?.length) return null;
  return message.cards.map(({ url, blocks }, index) =>
    el(
      "div.unfurl",
      { role: "group", "aria-label": `Preview of ${url}`, test: "unfurl" },
      drawBlocks(blocks, surfaceOf(message, `message-${message.key}-card-${index}`, { card: url })),
    ),
  );
}

function surfaceOf(message, name, more = {}) {
  return {
    name,
    quiet: false,
    press: (element, block, option) =>
      perform("click", {
        message: message.key,
        action_id: element.action_id,
        block_id: block.block_id,
        option,
        ...more,
      }),
  };
}

function repliesButton(message, view) {
  if (!message.replies || view.inThread) return null;
  return el(
    "button.link-like",
    { type: "button", test: "replies", on: { click: performing("open_thread", { ts: message.ts }) } },
    counted(message.replies, "reply").replace("replys", "replies"),
  );
}

/** Slack offers neither threads nor shortcuts on what only one person sees. */
function toolbar(message, view) {
  const canReply = !message.ephemeral && !view.inThread;
  const label = (what) => `${what}: ${message.author.name}, ${time(writtenAt(message))}`;
  return el(
    "div.toolbar",
    {},
    canReply
      ? el(
          "button.plain",
          {
            type: "button",
            title: "Reply in thread",
            "aria-label": label("Reply in thread"),
            test: "act-open_thread",
            on: { click: performing("open_thread", { ts: message.ts }) },
          },
          "💬",
        )
      : null,
    el(
      "button.plain",
      {
        type: "button",
        title: "More actions",
        "aria-label": label("More actions"),
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        test: "message-menu",
        on: { click: (event) => openMenu(event.currentTarget, menuItems(message, view), "Message actions") },
      },
      "⋯",
    ),
  );
}

function menuItems(message, { shortcuts, inThread }) {
  const offered = message.ephemeral ? [] : shortcuts;
  return [
    ...offered.map((shortcut) => ({
      label: shortcut.name,
      hint: "Vault Uploads",
      test: `act-message_shortcut-${shortcut.callback_id}`,
      run: () => perform("message_shortcut", { message: message.key, callback_id: shortcut.callback_id }),
    })),
    ...(message.ephemeral || inThread
      ? []
      : [{ label: "Reply in thread", run: () => perform("open_thread", { ts: message.ts }) }]),
    { label: "Copy text", run: () => copy(message.text, "the text") },
  ];
}
