/** What stands in the inputs of a view, as `{block_id: {action_id: value}}`. */

const READ = {
  one: (control) => control.value || null,
  moment: (control) => (control.value ? Math.floor(new Date(control.value).getTime() / 1000) : null),
  ticked: (control) => control.querySelector("input:checked")?.value ?? null,
  "all-ticked": (control) => [...control.querySelectorAll("input:checked")].map((input) => input.value),
};

/** Read every input below this node. */
export function valuesIn(root) {
  const values = {};
  for (const control of root.querySelectorAll("[data-kind]")) {
    const { block, action, kind } = control.dataset;
    values[block] ??= {};
    values[block][action] = READ[kind](control);
  }
  return values;
}
