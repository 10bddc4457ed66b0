/** Cards that say what is wrong, and show the cause. */

import { el } from "./dom.js";

/** A payload as indented JSON, folded. */
function payloadDetails(payload, label = "Payload") {
  return el(
    "details.payload",
    {},
    el("summary", {}, label),
    el("pre", { tabindex: "0", "aria-label": label }, JSON.stringify(payload, null, 2)),
  );
}

/** Something the page cannot draw, or Slack would not take. */
export function problemCard(title, payload, reasons = [], actions = []) {
  return el(
    "div.problem-card",
    { role: "group", "aria-label": title },
    el("p.problem-title", {}, el("span", { "aria-hidden": "true" }, "⚠ "), title),
    reasons.length
      ? el(
          "ul.problem-reasons",
          {},
          reasons.map((reason) => el("li", {}, reason)),
        )
      : null,
    payload === undefined || payload === null ? null : payloadDetails(payload),
    actions.length ? el("div.problem-actions", {}, actions) : null,
  );
}
