/** Dialogs of the page itself; the browser traps the focus and closes them on Esc. */

import { el } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

let count = 0;

/**
 * Show a dialog until it is answered.
 *
 * @param {{title: string, body: Node[], yes: string, no?: string, danger?: boolean, test?: string}} parts
 * @returns {Promise<HTMLFormElement|null>} its form, or null if it was closed
 */
export function openDialog({ title, body, yes, no = "Cancel", danger = false, test = "dialog" }) {
  const titleId = `dialog-${(count += 1)}`;
  return new Promise((resolve) => {
    const form = el(
      "form",
      { method: "dialog" },
      el("h2.dialog-title", { id: titleId }, title),
      el("div.dialog-body", {}, body),
      el(
        "div.dialog-foot",
        {},
        el("button.button", { type: "submit", value: "no", formnovalidate: true, test: "dialog-no" }, no),
        el(
          "button.button",
          { type: "submit", value: "yes", class: danger ? "is-danger" : "is-primary", test: "dialog-yes" },
          yes,
        ),
      ),
    );
    const dialog = el("dialog.dialog", { "aria-labelledby": titleId, test }, form);
    const back = document.activeElement;
    dialog.addEventListener("keydown", submitOnEnter);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus();
      resolve(dialog.returnValue === "yes" ? form : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    (
      dialog.querySelector(".dialog-body :is(input, select, textarea)") ?? dialog.querySelector("[value=yes]")
    ).focus();
  });
}

/** Enter in a field means yes, not the first button. */
function submitOnEnter(event) {
  if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
  event.preventDefault();
  event.currentTarget.querySelector("[value=yes]").click();
}

/** Slack's confirm object as a question; true for yes. */
export async function confirmed(confirm) {
  const text =
    confirm.text?.type === "mrkdwn"
      ? mrkdwn(confirm.text.text, confirm.text)
      : el("p.as-typed", {}, confirm.text?.text ?? "");
  const form = await openDialog({
    title: confirm.title?.text ?? "Are you sure?",
    body: [text],
    yes: confirm.confirm?.text ?? "Yes",
    no: confirm.deny?.text ?? "Cancel",
    danger: confirm.style === "danger",
    test: "confirm",
  });
  return form !== null;
}
