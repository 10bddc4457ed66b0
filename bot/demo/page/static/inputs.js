/** Block Kit's menus, pickers and fields; the browser's own controls, so that keyboard and screen reader work. */

import { channels, people } from "./directory.js";
import { el } from "./dom.js";
import { control, plain, pressed } from "./element_parts.js";
import { mrkdwn } from "./mrkdwn.js";

const ENTRY_TYPES = { email_text_input: "email", url_text_input: "url", number_input: "number" };

function choices(options, initial) {
  return options.map(({ label, value, description }) =>
    el("option", { value, selected: initial === value, title: description || null }, label),
  );
}

/** A menu of one choice; `options` may stand in groups. */
function select(element, block, surface, { groups, initial, placeholder = "Choose an option" }) {
  const change = (event) => pressed(event.currentTarget, element, block, surface, event.currentTarget.value);
  return el(
    "select.field",
    { ...control(element, block, surface, "one"), on: { change } },
    el(
      "option",
      { value: "", disabled: !surface.quiet, hidden: !surface.quiet, selected: !initial },
      plain(element.placeholder) || placeholder,
    ),
    groups.map((group) =>
      group.label
        ? el("optgroup", { label: group.label }, choices(group.options, initial))
        : choices(group.options, initial),
    ),
  );
}

const asChoice = (option) => ({
  label: plain(option.text),
  value: option.value,
  description: plain(option.description),
});

function groupsOf(element) {
  if (!element.option_groups) return [{ options: (element.options ?? []).map(asChoice) }];
  return element.option_groups.map((group) => ({
    label: plain(group.label),
    options: group.options.map(asChoice),
  }));
}

const staticSelect = (element, block, surface) =>
  select(element, block, surface, { groups: groupsOf(element), initial: element.initial_option?.value });

const usersSelect = (element, block, surface) =>
  select(element, block, surface, {
    groups: [{ options: people().map((one) => ({ label: one.name, value: one.id })) }],
    initial: element.initial_user,
    placeholder: "Choose a person",
  });

const channelsSelect = (element, block, surface) =>
  select(element, block, surface, {
    groups: [{ options: channels().map((one) => ({ label: `#${one.name}`, value: one.id })) }],
    initial: element.initial_channel ?? element.initial_conversation,
    placeholder: "Choose a channel",
  });

/** Several choices: a list that folds, of checkboxes. */
function multiSelect(element, block, surface, options, initial) {
  return el(
    "details.multi",
    {},
    el("summary.field", {}, plain(element.placeholder) || "Choose options"),
    tickList(element, block, surface, options, initial, "checkbox"),
  );
}

const multiStaticSelect = (element, block, surface) =>
  multiSelect(
    element,
    block,
    surface,
    groupsOf(element).flatMap((group) => group.options),
    (element.initial_options ?? []).map((one) => one.value),
  );

const multiUsersSelect = (element, block, surface) =>
  multiSelect(
    element,
    block,
    surface,
    people().map((one) => ({ label: one.name, value: one.id })),
    element.initial_users ?? [],
  );

const multiChannelsSelect = (element, block, surface) =>
  multiSelect(
    element,
    block,
    surface,
    channels().map((one) => ({ label: `#${one.name}`, value: one.id })),
    element.initial_channels ?? element.initial_conversations ?? [],
  );

const words = (text) => (text?.type === "mrkdwn" ? mrkdwn(text.text, text) : plain(text));

const tickable = (option) => ({
  label: words(option.text),
  value: option.value,
  description: option.description ? words(option.description) : null,
});

const checkboxes = (element, block, surface) =>
  tickList(
    element,
    block,
    surface,
    element.options.map(tickable),
    (element.initial_options ?? []).map((one) => one.value),
    "checkbox",
  );

const radioButtons = (element, block, surface) =>
  tickList(element, block, surface, element.options.map(tickable), [element.initial_option?.value], "radio");

function tickList(element, block, surface, options, initial, type) {
  const props = control(element, block, surface, type === "radio" ? "ticked" : "all-ticked");
  const change = (event) => {
    const list = event.currentTarget;
    const ticked = [...list.querySelectorAll("input:checked")].map((input) => input.value);
    pressed(list, element, block, surface, type === "radio" ? ticked[0] : ticked);
  };
  const tick = ({ label, value, description }) =>
    el(
      "label.tick",
      {},
      el("input", { type, name: props.id, value, checked: initial.includes(value) }),
      el("span", {}, label, description ? el("small.tick-about", {}, description) : null),
    );
  return el(
    "div.ticks",
    {
      ...props,
      role: type === "radio" ? "radiogroup" : "group",
      "aria-label": props["aria-label"] ?? plain(block.label),
      on: { change },
    },
    options.map(tick),
  );
}

/** The browser's own picker for days and times. */
function picker(type, initial) {
  return (element, block, surface) => {
    const change = (event) =>
      event.currentTarget.value &&
      pressed(event.currentTarget, element, block, surface, event.currentTarget.value);
    return el("input.field", {
      ...control(element, block, surface, type === "datetime-local" ? "moment" : "one"),
      type,
      value: initial(element),
      on: { change },
    });
  };
}

function localMoment(epoch) {
  if (!epoch) return null;
  const date = new Date(epoch * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

/** Something typed; Enter in a single line tells the app where it wants that, else it submits the form it is in. */
function entry(element, block, surface) {
  const props = {
    ...control(element, block, surface, "one"),
    placeholder: plain(element.placeholder) || null,
    minlength: element.min_length ?? null,
    maxlength: element.max_length ?? null,
  };
  if (element.multiline) return el("textarea.field", { ...props, rows: "4" }, element.initial_value ?? "");
  const type = ENTRY_TYPES[element.type] ?? "text";
  const range =
    type === "number"
      ? { min: element.min_value, max: element.max_value, step: element.is_decimal_allowed ? "any" : "1" }
      : {};
  const keydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || surface.quiet) return;
    event.preventDefault();
    pressed(event.currentTarget, element, block, surface, event.currentTarget.value);
  };
  return el("input.field", {
    ...props,
    ...range,
    type,
    value: element.initial_value ?? null,
    autocomplete: "off",
    on: { keydown },
  });
}

/** By element type, as in `elements.js`. */
export const INPUTS = {
  checkboxes,
  static_select: staticSelect,
  multi_static_select: multiStaticSelect,
  users_select: usersSelect,
  multi_users_select: multiUsersSelect,
  channels_select: channelsSelect,
  multi_channels_select: multiChannelsSelect,
  multi_conversations_select: multiChannelsSelect,
  conversations_select: channelsSelect,
  radio_buttons: radioButtons,
  datepicker: picker("date", (element) => element.initial_date),
  timepicker: picker("time", (element) => element.initial_time),
  datetimepicker: picker("datetime-local", (element) => localMoment(element.initial_date_time)),
  plain_text_input: entry,
  email_text_input: entry,
  url_text_input: entry,
  number_input: entry,
};
