/** Everything the page asks the server to do passes here: refusals become notes, and the page looks again at once. */

import { act } from "./api.js";
import { toast } from "./toast.js";

let lookAgain = () => {};

/** Say what shall happen after each act. */
export function afterActs(callback) {
  lookAgain = callback;
}

/** Do it; true if the server did. */
export async function perform(name, details = {}) {
  try {
    await act(name, details);
    return true;
  } catch (refusal) {
    toast(refusal.message, { error: true });
    return false;
  } finally {
    lookAgain();
  }
}

/** A handler that does it and marks the pressed control as busy meanwhile. */
export function performing(name, details = {}) {
  return (event) => busyWhile(event.currentTarget, perform(name, details));
}

/** Mark a control as busy until the work is over. */
export async function busyWhile(control, work) {
  control.setAttribute("aria-busy", "true");
  try {
    return await work;
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** Copy a text and say so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${what}.`);
  } catch {
    toast(`The browser does not let this page copy. ${what}: ${text}`, { error: true });
  }
}
