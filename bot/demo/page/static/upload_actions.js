/** What can be done to an upload beside asking for it, and how a new one begins. */

import { copy, perform } from "./actions.js";
import { openDialog } from "./dialog.js";
import { el } from "./dom.js";
import { openMenu } from "./menu.js";

const MEGABYTE = 1024 * 1024;
const PACES = [0.1, 1, 10, 100];

/** The items of an upload's menu. */
export function actionsOn(upload, anchor) {
  const { id } = upload;
  const item = (label, act, more = {}) => ({
    label,
    test: `act-${act}`,
    run: () => perform(act, { id }),
    ...more,
  });
  const running = upload.bytes_per_second > 0;
  return [
    { label: "Copy its id", test: "act-copy-id", run: () => copy(id, "the id") },
    ...(upload.complete
      ? []
      : [
          item("Send the next part", "vault_part"),
          { label: "Let it run…", test: "act-vault_run", run: () => choosePace(upload, anchor) },
        ]),
    ...(running ? [item("Stall it", "vault_stall", { hint: "no more parts" })] : []),
    ...(upload.complete ? [] : [item("Finish all bytes", "vault_finish")]),
    {
      label: "Clock: 1 h before it expires",
      test: "act-clock-before",
      run: () => perform("clock", { before_expiry_of: id, seconds: 3600 }),
    },
    ...(upload.complete ? [item("Commit it", "vault_commit", { hint: "makes the file" })] : []),
    item("Abort it", "vault_abort", { danger: true }),
    item("Let it expire now", "vault_expire", { danger: true }),
  ];
}

function choosePace({ id, name }, anchor) {
  const items = PACES.map((pace) => ({
    label: `${pace} MB per second`,
    test: `act-run-${pace}`,
    run: () => perform("vault_run", { id, bytes_per_second: Math.round(pace * MEGABYTE) }),
  }));
  openMenu(anchor, items, `How fast ${name} runs`);
}

/** Ask for the facts of a new upload, and begin it. */
export async function newUpload({ people, me, vaults }) {
  const options = (list, chosen) =>
    list.map(([value, label]) => el("option", { value, selected: value === chosen }, label));
  const field = (label, control) => el("label.label", {}, label, control);
  const form = await openDialog({
    title: "New upload",
    yes: "Start it",
    test: "new-upload",
    body: [
      field(
        "File name",
        el("input.field", {
          name: "name",
          pattern: "[^\\/]+",
          title: "A name without a slash",
          required: true,
          value: "Visual-Aid-2027.mp4",
          autocomplete: "off",
        }),
      ),
      field(
        "Size in MB",
        el("input.field", {
          name: "size",
          type: "number",
          required: true,
          min: "1",
          max: "500000",
          value: "250",
        }),
      ),
      field(
        "Whose",
        el(
          "select.field",
          { name: "owner" },
          options(
            people.map((one) => [one.key, `${one.name}, ${one.role}`]),
            me,
          ),
        ),
      ),
      field(
        "Vault",
        el("select.field", { name: "vault" }, options(vaults.map((one) => [one.key, one.name]))),
      ),
    ],
  });
  if (!form) return;
  const { name, owner, size: megabytes, vault } = Object.fromEntries(new FormData(form));
  await perform("vault_new", { name, owner, vault, size: Math.round(Number(megabytes) * MEGABYTE) });
}
