/** Starts the page: one look at the state, then another after each change the server tells of. */

import { afterActs } from "./actions.js";
import { fetchState, listen } from "./api.js";
import { setClock } from "./clock.js";
import { Composer } from "./composer.js";
import { setDirectory } from "./directory.js";
import { renderLog } from "./log.js";
import { followNewest, placeTitle, renderTalk } from "./messages.js";
import { renderModal } from "./modal.js";
import { renderSidebar } from "./sidebar.js";
import { openTabs, tabsFor } from "./tabs.js";
import { renderTour } from "./tour.js";
import { renderVault } from "./vault.js";

const TICK_MS = 1000;
const REDRAW_TICKS = 30;

const byId = (id) => document.getElementById(id);

const composer = new Composer(byId("composer"), {
  id: "message-field",
  thread: () => null,
  sent: () => followNewest(false),
});
const threadComposer = new Composer(byId("thread-composer"), {
  id: "thread-field",
  thread: (state) => state.thread?.parent.ts ?? "",
  sent: () => followNewest(true),
});

let state = null;
let isLooking = false;
let isStale = false;
let ticks = 0;

/** Fetch the state and draw it; calls that come meanwhile become one more look afterwards. */
async function look() {
  if (isLooking) {
    isStale = true;
    return;
  }
  isLooking = true;
  try {
    render(await fetchState());
  } catch (failure) {
    connectionNote(failure.message);
  } finally {
    isLooking = false;
  }
  if (isStale) {
    isStale = false;
    look();
  }
}

function render(fresh) {
  state = fresh;
  setClock(state.clock);
  setDirectory(state);
  const place = state.places.find((one) => one.id === state.place);
  renderSidebar(state);
  tabsFor(state);
  renderTour(state);
  renderTalk(state);
  composer.update(state, placeTitle(place, state).replace(/^# /, "#"));
  if (state.thread) threadComposer.update(state, "");
  renderVault(state);
  renderLog(state);
  renderModal(state);
  byId("layout").dataset.ready = "true";
  document.title = `${place ? placeTitle(place, state) : "Vault Uploads"} · ${state.workspace.name} demo`;
}

function connectionNote(sentence) {
  const note = byId("connection");
  note.hidden = !sentence;
  note.textContent = sentence ?? "";
}

function changed(version) {
  if (version === null || !state || version !== state.version) look();
}

function connection(isUp) {
  connectionNote(isUp ? null : "Lost the demo server. Reconnecting…");
  if (!isUp && !state) look();
}

/** Times run on also while nothing changes: each second on the right, now and then in the messages. */
function tick() {
  if (!state || document.hidden) return;
  renderVault(state);
  ticks += 1;
  if (ticks % REDRAW_TICKS === 0) renderTalk(state);
}

afterActs(look);
openTabs();
listen(changed, connection);
setInterval(tick, TICK_MS);
