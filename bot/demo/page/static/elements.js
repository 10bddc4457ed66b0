/**
 * Block Kit's elements: buttons here, inputs in `inputs.js`. Slack: docs "Block Kit reference", "Block elements".
 *
 * A surface gives what they need to act: `{ press(element, block, option), name, quiet }`. `quiet` is for inputs that
 * wait for the submit button; `name` keeps ids on the page apart; `values` are what a view already holds.
 */

import { busyWhile } from "./actions.js";
import { confirmed } from "./dialog.js";
import { myId } from "./directory.js";
import { el } from "./dom.js";
import { plain, pressed } from "./element_parts.js";
import { INPUTS } from "./inputs.js";
import { openMenu } from "./menu.js";
import { problemCard } from "./problem_card.js";

/** Draw any element; a type that is not known is said to be so. */
export function drawElement(element, block, surface) {
  if (!Object.hasOwn(DRAW, String(element?.type))) {
    return problemCard(`Unknown element type “${element?.type}”`, element);
  }
  const held = surface.values?.[block.block_id]?.[element.action_id];
  return DRAW[element.type](remembered(element, held), block, surface);
}

/** The element as if what a person chose in it before were its initial value, so that a reload changes nothing. */
function remembered(element, held) {
  const chosen = Object.entries(held ?? {}).filter(([name, value]) => name !== "type" && value !== null);
  const initial = chosen.map(([name, value]) => [`initial_${name.replace("selected_", "")}`, value]);
  return { ...element, ...Object.fromEntries(initial) };
}

/** What is read aloud; it holds the words on the button, so that whoever says them aloud presses it. */
function spokenLabel({ accessibility_label: spoken }, label) {
  if (!spoken) return null;
  return spoken.toLowerCase().includes(label.toLowerCase()) ? spoken : `${label}: ${spoken}`;
}

function button(element, block, surface) {
  if (element.visible_to_user_ids && !element.visible_to_user_ids.includes(myId())) return null;
  const label = plain(element.text);
  const props = {
    class: element.style ? `is-${element.style}` : "",
    key: `element-${element.action_id}`,
    "data-action": element.action_id,
    "data-block": block.block_id,
    "aria-label": spokenLabel(element, label),
  };
  if (element.url) return linkButton(element, block, surface, props, label);
  const click = (event) => pressed(event.currentTarget, element, block, surface);
  return el("button.button", { ...props, type: "button", on: { click } }, label);
}

/** A button with an address opens it in a new tab, and the app hears of the click as well. */
function linkButton(element, block, surface, props, label) {
  if (!/^https?:\/\//i.test(element.url))
    return problemCard("A button's address must begin with http", element);
  const open = () => window.open(element.url, "_blank", "noopener,noreferrer");
  const click = async (event) => {
    const node = event.currentTarget;
    if (element.confirm) {
      event.preventDefault();
      if (!(await confirmed(element.confirm))) return;
      open();
    }
    await busyWhile(node, surface.press(element, block));
  };
  const address = { href: element.url, target: "_blank", rel: "noopener noreferrer" };
  return el(
    "a.button",
    { ...props, ...address, on: { click } },
    label,
    el("span.opens", { "aria-hidden": "true" }, "↗"),
  );
}

function overflow(element, block, surface) {
  const open = (event) => {
    const node = event.currentTarget;
    const items = element.options.map((option) => ({
      label: plain(option.text),
      hint: plain(option.description),
      href: /^https?:\/\//i.test(option.url ?? "") ? option.url : null,
      run: () => pressed(node, element, block, surface, option.value),
    }));
    openMenu(node, items, "More actions");
  };
  const props = {
    key: `element-${element.action_id}`,
    "data-action": element.action_id,
    "data-block": block.block_id,
  };
  const state = { "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions" };
  return el("button.button.overflow", { ...props, ...state, type: "button", on: { click: open } }, "⋯");
}

function iconButton(element, block, surface) {
  return button(
    { ...element, text: { type: "plain_text", text: element.text?.text ?? element.icon } },
    block,
    surface,
  );
}

function feedback(element, block, surface) {
  const one = (choice) => {
    const click = (event) => pressed(event.currentTarget, element, block, surface, choice.value);
    return el(
      "button.button",
      { type: "button", "aria-label": choice.accessibility_label ?? null, on: { click } },
      plain(choice.text),
    );
  };
  return el("span.feedback", {}, one(element.positive_button), one(element.negative_button));
}

/** An image; only this server's own and data: may load here, any other is named and linked. */
export function image(element) {
  const address = element.image_url ?? "";
  if (address.startsWith("data:image/") || address.startsWith(`${location.origin}/`)) {
    return el("img.image", { src: address, alt: element.alt_text });
  }
  const isLink = /^https?:\/\//i.test(address);
  const label = `Image: ${element.alt_text}`;
  return isLink
    ? el("a.image-missing", { href: address, target: "_blank", rel: "noopener noreferrer" }, label)
    : el("span.image-missing", {}, label);
}

const DRAW = { ...INPUTS, button, overflow, image, icon_button: iconButton, feedback_buttons: feedback };
