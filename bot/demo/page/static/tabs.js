/** On narrow screens the three columns are tabs; the address remembers which one is open. */

import { el, fill } from "./dom.js";

const TABS = { chats: "Chats", talk: "Conversation", vault: "Vault" };

let unread = 0;

/** Bring a column to the front, where there is room for only one. */
export function showTab(name) {
  document.body.dataset.tab = name;
  history.replaceState(null, "", name === "talk" ? location.pathname : `#${name}`);
  renderTabs();
}

/** Open the tab that the address names. */
export function openTabs() {
  const wished = location.hash.slice(1);
  showTab(wished in TABS ? wished : "talk");
}

/** Draw the tabs again after the number of unread messages has changed. */
export function tabsFor(state) {
  unread = state.places.reduce((sum, place) => sum + (place.id === state.place ? 0 : (place.unread ?? 0)), 0);
  renderTabs();
}

function renderTabs() {
  const now = document.body.dataset.tab;
  const tab = ([name, title]) =>
    el(
      "button.tab",
      {
        type: "button",
        key: name,
        "aria-current": name === now ? "true" : null,
        test: `tab-${name}`,
        on: { click: () => showTab(name) },
      },
      title,
      name === "chats" && unread ? el("span.unread", {}, unread, el("span.unseen", {}, " unread")) : null,
    );
  fill(document.getElementById("tabs"), Object.entries(TABS).map(tab));
}
