/** The left: the workspace, who one is, and where one can go. */

import { perform } from "./actions.js";
import { avatar } from "./avatar.js";
import { el, fill } from "./dom.js";
import { showTab } from "./tabs.js";

const SIGNS = { channel: "#", private: "🔒", dm: "●", home: "⌂" };

/** Draw the left side. */
export function renderSidebar(state) {
  const { places, people, workspace } = state;
  const channels = places.filter((place) => place.kind === "channel" || place.kind === "private");
  const apps = places.filter((place) => place.kind === "dm" || place.kind === "home");
  fill(document.getElementById("sidebar"), [
    el(
      "div.workspace",
      {},
      el("p.workspace-name", {}, workspace.name),
      el("p", {}, "Demo workspace, all on this computer"),
    ),
    group(
      "you",
      "You are",
      el(
        "ul",
        {},
        people.map((person) => personItem(person, state)),
      ),
    ),
    group(
      "channels",
      "Channels",
      el(
        "ul",
        {},
        channels.map((place) => placeItem(place, state)),
      ),
    ),
    group(
      "apps",
      "Apps",
      el(
        "ul",
        {},
        apps.map((place) => placeItem(place, state)),
      ),
    ),
  ]);
}

function group(name, title, list) {
  list.setAttribute("aria-labelledby", `side-${name}`);
  return el("div.side-group", { key: `side-${name}` }, el("h2", { id: `side-${name}` }, title), list);
}

function personItem(person, { me }) {
  const isMe = person.key === me;
  const become = () => isMe || perform("become", { person: person.key });
  return el(
    "li",
    { key: person.key },
    el(
      "button.person",
      {
        type: "button",
        "aria-pressed": String(isMe),
        test: `person-${person.key}`,
        title: person.tz || null,
        on: { click: become },
      },
      avatar(person.name),
      el(
        "span.person-words",
        {},
        el("span.person-name", {}, person.name),
        el("span.person-role", {}, person.role),
      ),
    ),
  );
}

function placeItem(place, state) {
  const isHere = place.id === state.place;
  const go = () => {
    showTab("talk");
    if (!isHere) perform("go", { place: place.id });
  };
  const name = { dm: state.app.name, home: "App Home" }[place.kind] ?? place.name;
  const unread = place.unread && !isHere ? place.unread : 0;
  return el(
    "li",
    { key: place.id },
    el(
      "button.place",
      {
        type: "button",
        class: unread ? "is-unread" : "",
        "aria-current": isHere ? "true" : null,
        test: `place-${place.id}`,
        on: { click: go },
      },
      el("span.place-sign", { "aria-hidden": "true" }, SIGNS[place.kind] ?? "#"),
      el("span.place-name", {}, name),
      unread ? el("span.unread", {}, unread, el("span.unseen", {}, " unread")) : null,
    ),
  );
}
