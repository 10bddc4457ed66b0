/** What all elements share: their text, their id, and what happens when one is used. */

import { busyWhile } from "./actions.js";
import { confirmed } from "./dialog.js";
import { withEmoji } from "./emoji.js";

/** A plain_text object as text. */
export function plain(text) {
  if (!text) return "";
  return text.emoji === false ? text.text : withEmoji(text.text ?? "");
}

/** The id of an element's control, for the label that belongs to it. */
export function controlId(element, block, surface) {
  return `${surface.name}-${block.block_id}-${element.action_id}`.replace(/[^\w-]/g, "_");
}

/** Use an element: ask first where it wants that, then tell the surface. */
export async function pressed(node, element, block, surface, option) {
  if (surface.quiet) return;
  if (element.confirm && !(await confirmed(element.confirm))) return;
  await busyWhile(node, surface.press(element, block, option));
}

/** What every control of an element carries: where its value belongs, and its name. */
export function control(element, block, surface, kind) {
  return {
    id: controlId(element, block, surface),
    "data-block": block.block_id,
    "data-action": element.action_id,
    "data-kind": kind,
    "aria-label": surface.isLabelled
      ? null
      : element.accessibility_label || plain(element.placeholder) || spokenName(element),
    "aria-describedby": surface.describedBy?.(element, block) ?? null,
  };
}

function spokenName(element) {
  return element.text ? null : (element.action_id ?? element.type).replaceAll("_", " ");
}
