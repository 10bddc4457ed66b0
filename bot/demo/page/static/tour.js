/** The guided tour: one step at a time, each of which can do itself. */

import { busyWhile, perform } from "./actions.js";
import { el, fill } from "./dom.js";
import { showTab } from "./tabs.js";

const frame = document.getElementById("tour");

/** Draw the tour's card, or the button that opens it again. */
export function renderTour({ tour }) {
  frame.hidden = !tour?.steps?.length;
  if (frame.hidden) return;
  fill(frame, [tour.open ? card(tour) : reopen()]);
}

function reopen() {
  const open = () => perform("tour", { open: true });
  return el(
    "button.plain.small.tour-reopen",
    { type: "button", key: "reopen", test: "act-tour-open", on: { click: open } },
    "Show the guided tour",
  );
}

function card({ steps, step, running }) {
  const at = Math.min(Math.max(step, 0), steps.length - 1);
  const { title, text, action, done } = steps[at];
  const emphasis = done || !action ? "is-primary" : "";
  const isLast = at === steps.length - 1;
  return el(
    "div.tour",
    { key: "card", test: "tour" },
    el(
      "div.tour-head",
      {},
      el(
        "p.quiet.small.tour-count",
        {},
        `Step ${at + 1} of ${steps.length}`,
        done ? el("span.tour-done", {}, " · ✓ done") : null,
      ),
      el(
        "button.plain.small",
        {
          type: "button",
          "aria-label": "Close the tour",
          test: "act-tour-close",
          on: { click: () => perform("tour", { open: false }) },
        },
        "✕",
      ),
    ),
    el("div.tour-words", { "aria-live": "polite" }, el("h2", {}, title), el("p", {}, text)),
    el(
      "div.tour-buttons",
      {},
      action ? runButton(action, done, running) : null,
      turn("Back", { step: at - 1 }, { test: "act-tour-back", disabled: at === 0 }),
      isLast
        ? turn("Finish", { open: false, step: 0 }, { test: "act-tour-finish", class: emphasis })
        : turn("Next", { step: at + 1 }, { test: "act-tour-next", class: emphasis }),
    ),
  );
}

function turn(label, details, props) {
  const click = (event) => busyWhile(event.currentTarget, perform("tour", details));
  return el("button.button.small", { type: "button", ...props, on: { click } }, label);
}

function runButton(action, done, running) {
  const props = {
    type: "button",
    class: done ? "" : "is-primary",
    disabled: Boolean(running),
    test: "act-tour-run",
  };
  return el("button.button.small", { ...props, on: { click: run } }, running ? "Doing it…" : action);
}

async function run(event) {
  showTab("talk");
  await busyWhile(event.currentTarget, perform("tour", { run: true }));
}
