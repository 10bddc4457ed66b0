/** Short notes at the edge of the page: what the server refused, what was copied. */

import { el } from "./dom.js";

const STAYS_MS = 9000;
const MOST = 3;

/** Show a sentence for a while; `error` also interrupts screen readers. */
export function toast(sentence, { error = false } = {}) {
  const region = document.getElementById(error ? "alerts" : "notes");
  const note = el(
    "div.toast",
    { class: error ? "is-error" : "", test: "toast" },
    el("span", {}, sentence),
    el(
      "button.plain.small",
      { type: "button", "aria-label": "Close this note", on: { click: () => note.remove() } },
      "✕",
    ),
  );
  region.append(note);
  while (region.children.length > MOST) region.firstChild.remove();
  setTimeout(() => note.remove(), STAYS_MS);
}

/** Tell screen readers something that is plain to see. */
export function announce(sentence) {
  const region = document.getElementById("announcer");
  region.append(el("p", {}, sentence));
  while (region.children.length > 5) region.firstChild.remove();
}
