/** The uploads of each Vault: how far they are, and everything a sender or the Vault can do to them. */

import { performing } from "./actions.js";
import { demoNow } from "./clock.js";
import { fillComposer } from "./composer.js";
import { el } from "./dom.js";
import { counted, percent, shortSpan, size, utc, ago } from "./format.js";
import { openMenu } from "./menu.js";
import { actionsOn, newUpload } from "./upload_actions.js";

const SOON_SECONDS = 3600;
const ENDS = { committed: "Committed", aborted: "Aborted", expired: "Expired" };

/** The section with all Vaults. */
export function uploadsSection(state) {
  return el(
    "section.vault-part",
    { id: "part-uploads", "aria-labelledby": "part-uploads-title" },
    el(
      "div.part-head",
      {},
      el("h3", { id: "part-uploads-title" }, "Uploads"),
      el(
        "button.button.small",
        { type: "button", test: "act-new-upload", on: { click: () => newUpload(state) } },
        "New upload",
      ),
    ),
    state.vaults.map((vault) => vaultGroup(vault, state)),
  );
}

function vaultGroup({ key, name, uploads, ended }, state) {
  return el(
    "div.vault-group",
    { key },
    el("h4", {}, name, el("span.quiet", {}, ` · ${counted(uploads.length, "upload")}`)),
    el(
      "ul.uploads",
      { "aria-label": `Uploads in ${name}` },
      uploads.map((upload) => uploadItem(upload, key, state)),
    ),
    ended?.length
      ? el(
          "details.ended",
          { test: `ended-${key}` },
          el("summary", {}, `Ended: ${ended.length}`),
          el("ul", {}, ended.map(endedItem)),
        )
      : null,
  );
}

const seconds = (moment) => new Date(moment).getTime() / 1000;

function endedItem({ id, name, end, at }) {
  return el(
    "li",
    { key: id },
    el("span.upload-name", {}, name),
    el("span.quiet.small", {}, ` ${ENDS[end] ?? end} ${ago(seconds(at))}`),
  );
}

function uploadItem(upload, vault, state) {
  const { id, name, path, owner, owner_name: ownerName } = upload;
  const isMine = owner === state.me;
  return el(
    "li.upload",
    { key: id, test: `upload-${id}`, class: isMine ? "is-mine" : "" },
    el(
      "div.upload-head",
      {},
      el("span.upload-name", { title: path }, name),
      el("span.upload-owner.small", {}, isMine ? `${ownerName} (you)` : ownerName),
    ),
    progress(upload),
    buttons(upload, vault, state),
  );
}

function progress(upload) {
  const { name, size: whole, uploaded, parts, expires } = upload;
  const done = percent(uploaded, whole);
  const bytes = ` · ${size(uploaded)} of ${size(whole)} · ${counted(parts, "part")}`;
  const isSoon = lifeLeft(upload) < SOON_SECONDS;
  return [
    el("progress.bar", { value: done, max: 100, "aria-label": `${name}, bytes sent` }, `${done}%`),
    el(
      "p.upload-facts.small",
      {},
      el("span", {}, el("strong", {}, `${done}%`), bytes),
      el("span", { class: isSoon ? "is-soon" : "", title: utc(new Date(expires)) }, lifeWords(upload)),
      movement(upload),
    ),
  ];
}

function buttons(upload, vault, state) {
  const { id, name, complete } = upload;
  const ask = () => askFor(upload, vault, state);
  const more = ({ currentTarget }) =>
    openMenu(currentTarget, actionsOn(upload, currentTarget), `Actions on ${name}`);
  const button = (label, spoken, test, click, props = {}, ...rest) =>
    el(
      "button.button.small",
      { type: "button", test, "aria-label": `${label} ${spoken} ${name}`, on: { click }, ...props },
      label,
      ...rest,
    );
  return el(
    "div.upload-buttons",
    {},
    button("Ask the bot", "for", "act-ask", ask),
    button("Send a part", "of", "act-next-part", performing("vault_part", { id }), { disabled: complete }),
    button(
      "More",
      "for",
      "upload-menu",
      more,
      { "aria-haspopup": "menu", "aria-expanded": "false" },
      el("span", { "aria-hidden": "true" }, "▾"),
    ),
  );
}

const lifeLeft = (upload) => seconds(upload.expires) - demoNow();

function lifeWords(upload) {
  const left = lifeLeft(upload);
  return left > 0 ? `expires in ${shortSpan(left)}` : `expired ${shortSpan(-left)} ago`;
}

function movement({ bytes_per_second: pace, complete }) {
  if (pace > 0) return el("span.is-running", {}, `runs at ${size(pace)}/s`);
  return complete ? el("span", {}, "all bytes there, not committed") : null;
}

/** Put the question into the composer; the Vault is named where it is not the first. */
function askFor({ id }, vault, state) {
  const command = state.app.commands[0]?.command ?? "/upload-status";
  fillComposer(`${command} ${id}${vault === state.vaults[0].key ? "" : ` @${vault}`}`);
}
