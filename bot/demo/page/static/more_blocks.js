/** Newer blocks, drawn simply: alert, card, carousel, container, context_actions, task_card, plan. */

import { el } from "./dom.js";
import { plain } from "./element_parts.js";
import { drawElement, image } from "./elements.js";
import { link } from "./mrkdwn.js";
import { richText } from "./richtext.js";

const LEVELS = { info: "Note", warning: "Warning", error: "Error", success: "Done" };
const STATUSES = {
  pending: "○ Pending",
  in_progress: "◐ In progress",
  complete: "● Complete",
  error: "✕ Error",
};

function alert(block, surface, { textObject }) {
  const word = LEVELS[block.level];
  return el(
    "div.alert",
    { class: `is-${block.level ?? "default"}` },
    word ? el("strong", {}, `${word}: `) : null,
    textObject(block.text),
  );
}

function card(block, surface, { textObject }) {
  return el(
    "div.card",
    {},
    block.hero_image ? image(block.hero_image) : null,
    block.title ? el("strong", {}, textObject(block.title)) : null,
    block.subtitle ? el("div.quiet", {}, textObject(block.subtitle)) : null,
    textObject(block.body),
    block.subtext ? el("div.quiet", {}, textObject(block.subtext)) : null,
    block.actions
      ? el(
          "div.actions",
          {},
          block.actions.map((element) => drawElement(element, block, surface)),
        )
      : null,
  );
}

function carousel(block, surface, tools) {
  return el(
    "div.carousel",
    { tabindex: "0", role: "region", "aria-label": "Cards" },
    block.elements.map((one) => card(one, surface, tools)),
  );
}

function container(block, surface, { drawBlock, textObject }) {
  const title = block.rich_text_title ? richText(block.rich_text_title) : plain(block.title);
  const head = [
    el("strong", {}, title),
    block.subtitle ? el("div.quiet", {}, textObject(block.subtitle)) : null,
  ];
  const inside = el(
    "div.blocks",
    {},
    block.child_blocks.map((child, index) => drawBlock(child, surface, index)),
  );
  if (!block.is_collapsible) return el("div.card", {}, head, inside);
  return el("details.card", { open: !block.default_collapsed }, el("summary", {}, head), inside);
}

function contextActions(block, surface) {
  return el(
    "div.actions",
    {},
    block.elements.map((element) => drawElement(element, block, surface)),
  );
}

function taskCard(block) {
  return el(
    "div.card",
    {},
    el("strong", {}, block.title),
    el("span.quiet", {}, ` ${STATUSES[block.status] ?? ""}`),
    block.details ? richText(block.details) : null,
    block.output ? richText(block.output) : null,
    block.sources?.length
      ? el(
          "ul",
          {},
          block.sources.map((source) => el("li", {}, link(source.url, source.text || source.url))),
        )
      : null,
  );
}

function plan(block) {
  return el("div.card", {}, el("strong", {}, block.title), (block.tasks ?? []).map(taskCard));
}

/** By type, as in `blocks.js`. */
export const MORE_BLOCKS = {
  alert,
  card,
  carousel,
  container,
  context_actions: contextActions,
  task_card: taskCard,
  plan,
};
