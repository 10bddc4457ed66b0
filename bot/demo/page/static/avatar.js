/** Faces without pictures: initials on a colour that stays with the name. */

import { el } from "./dom.js";

const COLOURS = 6;

/** A square for a person, the app, or Slack's own notices. */
export function avatar(name, kind = "person") {
  const initials = name
    .split(/\s+/)
    .map((word) => word[0])
    .slice(0, 2)
    .join("")
    .toUpperCase();
  const colour =
    kind === "person" ? [...name].reduce((sum, sign) => sum + sign.codePointAt(0), 0) % COLOURS : kind;
  return el("span.avatar", { class: `tone-${colour}`, "aria-hidden": "true" }, initials);
}
