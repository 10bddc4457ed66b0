/** One exchange in full, whatever parts the server tells of it. */

import { el } from "./dom.js";

const NAMES = {
  at: "Time",
  what: "What",
  who: "Who",
  from: "From",
  to: "To",
  n: "Number",
  seconds: "Seconds",
};

/** The parts of an exchange: short facts as a list, headers and bodies as text. */
export function exchangeDetails(exchange, close) {
  const known = Object.entries(exchange).filter(([name, value]) => name !== "ok" && !isEmpty(value));
  const facts = known.filter(([, value]) => isShort(value));
  const parts = known.filter(([, value]) => !isShort(value)).flatMap(unfolded);
  return [
    el(
      "div.log-details-head",
      {},
      el("strong", {}, exchange.what ?? `Request ${exchange.n}`),
      el(
        "button.plain",
        { type: "button", "aria-label": "Close the details", test: "act-log-close", on: { click: close } },
        "✕",
      ),
    ),
    el(
      "dl.facts",
      {},
      facts.map(([name, value]) => [el("dt", {}, titled(name)), el("dd", {}, String(value))]),
    ),
    parts.map(([name, value]) =>
      el(
        "div",
        {},
        el("h4", {}, titled(name)),
        el("pre", { tabindex: "0", "aria-label": titled(name) }, pretty(value)),
      ),
    ),
  ];
}

/** A request's headers and body stand apart. */
function unfolded([name, value]) {
  if (typeof value !== "object" || !("headers" in value || "body" in value)) return [[name, value]];
  return Object.entries(value)
    .filter(([, inner]) => !isEmpty(inner))
    .map(([inner, content]) => [`${name} ${inner}`, content]);
}

function titled(name) {
  const spaced = name.replaceAll("_", " ");
  return NAMES[name] ?? spaced[0].toUpperCase() + spaced.slice(1);
}

function isShort(value) {
  if (value === null || value === undefined || value === "") return false;
  return (
    typeof value !== "object" && !(typeof value === "string" && (value.length > 80 || /^[{[]/.test(value)))
  );
}

function isEmpty(value) {
  return (
    value === null ||
    value === undefined ||
    value === "" ||
    (typeof value === "object" && Object.keys(value).length === 0)
  );
}

/** JSON indented, also where it stands in a string; other text as it is. */
function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
