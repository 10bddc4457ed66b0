/** What the composer proposes while one types: commands after a slash, names after an @. Pure. */

/**
 * The proposals for what stands before the cursor.
 *
 * @returns {{start: number, items: {label: string, about: string, insert: string}[]}} where the word begins, and
 *   what it could become; no items where there is nothing to propose
 */
export function proposals(before, state, { inThread }) {
  const command = /^\/[\w-]*$/.exec(before);
  if (command && !inThread) return { start: 0, items: commands(command[0], state) };
  const name = /(?:^|\s)@([\p{L}\p{N} ]{0,30})$/u.exec(before);
  if (name) return { start: before.length - name[1].length - 1, items: names(name[1].toLowerCase(), state) };
  return { start: before.length, items: [] };
}

function commands(typed, state) {
  return (state.app.commands ?? [])
    .filter((one) => one.command.startsWith(typed.toLowerCase()))
    .map((one) => ({
      label: `${one.command} ${one.usage_hint ?? ""}`.trim(),
      about: one.description,
      insert: `${one.command} `,
    }));
}

function names(typed, state) {
  const app = state.app.mentions ? [{ name: state.app.name, about: "App" }] : [];
  return [...app, ...state.people.map((person) => ({ name: person.name, about: person.role }))]
    .filter((one) => one.name.toLowerCase().startsWith(typed) && one.name.toLowerCase() !== typed.trim())
    .map((one) => ({ label: `@${one.name}`, about: one.about, insert: `@${one.name} ` }));
}

/** What may follow the command that is being typed, as its app describes it; null if none is typed. */
export function usageOf(text, state) {
  const command = (state.app.commands ?? []).find((one) => text.startsWith(`${one.command} `));
  return command?.usage_hint ? `${command.command} ${command.usage_hint}` : null;
}
