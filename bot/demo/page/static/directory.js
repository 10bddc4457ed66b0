/** Who and what ids stand for, as of the last state. */

let known = { people: [], places: [], app: null, me: null };

/** Take over the names of the newest state. */
export function setDirectory(state) {
  known = state;
}

/** The person with this id or key, or undefined. */
export function person(idOrKey) {
  return known.people.find((one) => one.id === idOrKey || one.key === idOrKey);
}

/** A name for a user id; the id itself where nobody is known by it. */
export function userName(id) {
  if (known.app?.id === id) return known.app.name;
  return person(id)?.name ?? id;
}

/** A channel's name, or null where this person does not see it. */
export function placeName(id) {
  return known.places.find((place) => place.id === id)?.name ?? null;
}

/** Everyone who can be chosen in a list of people. */
export const people = () => known.people;

/** Every channel this person sees. */
export const channels = () =>
  known.places.filter((place) => place.kind === "channel" || place.kind === "private");

/** The id of the person the page is now. */
export const myId = () => person(known.me)?.id;
