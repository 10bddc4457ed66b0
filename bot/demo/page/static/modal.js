/** The app's modal: its inputs, their errors, submit and close. */

import { busyWhile, perform } from "./actions.js";
import { drawBlocks } from "./blocks.js";
import { el, fill } from "./dom.js";
import { valuesIn } from "./values.js";

let dialog = null;
let back = null;

/** Open, update or close the modal, as the state says. */
export function renderModal(state) {
  const view = state.modal;
  if (!view) {
    put();
    return;
  }
  const isNew = dialog?.dataset.view !== view.view_id;
  if (!dialog) open();
  dialog.dataset.view = view.view_id;
  const before = Object.keys(dialog.errors ?? {}).join();
  const held = dialog.contains(document.activeElement);
  fill(dialog, [form(view)]);
  dialog.errors = view.errors ?? {};
  // What had the keyboard may be gone: another search has another field.
  if (isNew || (held && !dialog.contains(document.activeElement))) focusFirst();
  else if (Object.keys(dialog.errors).join() !== before)
    dialog.querySelector(".has-error [data-kind]")?.focus();
}

function open() {
  back = document.activeElement;
  dialog = el("dialog.dialog.modal", { "aria-labelledby": "modal-title", test: "modal" });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    perform("close_modal");
  });
  dialog.addEventListener("close", () => {
    if (dialog?.isConnected) perform("close_modal");
  });
  document.body.append(dialog);
  dialog.showModal();
}

function put() {
  if (!dialog) return;
  const gone = dialog;
  dialog = null;
  gone.remove();
  if (back?.isConnected) back.focus();
}

function focusFirst() {
  const control = dialog.querySelector(".dialog-body :is(input, select, textarea, button, a, summary)");
  (control ?? dialog.querySelector(".dialog-foot button")).focus();
}

function form(view) {
  const surface = {
    name: view.view_id,
    quiet: false,
    keepsInputs: true,
    errors: view.errors ?? {},
    values: view.values,
    press: (element, block, option) =>
      perform("click_view", {
        view: "modal",
        action_id: element.action_id,
        block_id: block.block_id,
        option,
        values: valuesIn(dialog),
      }),
  };
  const submit = (event) => {
    event.preventDefault();
    const button = dialog.querySelector("[data-test=act-submit]");
    if (button && !button.hasAttribute("aria-busy"))
      busyWhile(button, perform("submit", { values: valuesIn(dialog) }));
  };
  return el(
    "form",
    { key: view.view_id, novalidate: true, on: { submit } },
    head(view),
    el(
      "div.dialog-body",
      {},
      view.trouble ? el("p.field-error", { key: "trouble", role: "alert" }, view.trouble) : null,
      drawBlocks(view.blocks, surface),
    ),
    foot(view),
  );
}

function head(view) {
  return el(
    "div.modal-head",
    {},
    view.depth > 1
      ? el(
          "button.plain",
          { type: "button", "aria-label": "Back", test: "act-back", on: { click: () => perform("close_modal") } },
          "‹",
        )
      : el("span.app-mark", { "aria-hidden": "true" }, "VU"),
    el("h2.dialog-title", { id: "modal-title" }, view.title),
    el(
      "button.plain",
      {
        type: "button",
        "aria-label": view.depth > 1 ? "Close all" : "Close",
        test: "act-close-all",
        on: { click: () => perform("close_modal", { everything: true }) },
      },
      "✕",
    ),
  );
}

function foot(view) {
  const closing = () => perform("close_modal");
  return el(
    "div.dialog-foot",
    {},
    el(
      "button.button",
      { type: "button", test: "act-close_modal", on: { click: closing } },
      view.close || "Close",
    ),
    view.submit ? el("button.button.is-primary", { type: "submit", test: "act-submit" }, view.submit) : null,
  );
}
