/**
 * The page's own small renderer: build a tree with `el`, then `morph` it into the one on screen.
 *
 * `morph` keeps every node that still fits, so focus, scroll positions and typed text survive an update. Foreign
 * text only ever becomes a text node or an attribute; nothing here reads HTML.
 */

/** What each node does on an event; kept apart from the node so that `morph` can hand it on. */
const handlers = new WeakMap();

function handle(event) {
  handlers.get(event.currentTarget)?.[event.type]?.(event);
}

/**
 * Build an element.
 *
 * @param {string} tag the tag, with classes behind it: `div.card.quiet`
 * @param {object} [props] attributes; `on` holds handlers by event, `test` becomes `data-test`, `key` the name under
 *   which `morph` finds the node again; false, null and undefined are left out
 * @param {...(Node|string|number|Array|null|false)} children
 */
export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) setProp(node, key, value);
  append(node, children);
  return node;
}

function setProp(node, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key === "on") listen(node, value);
  else if (key === "class") node.className = `${node.className} ${value}`.trim();
  else if (key === "test") node.dataset.test = value;
  else if (key === "key") node.dataset.key = value;
  else node.setAttribute(key, value === true ? "" : value);
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

function listen(node, wanted) {
  const known = handlers.get(node) ?? {};
  for (const type of Object.keys(wanted)) if (!(type in known)) node.addEventListener(type, handle);
  const silent = Object.fromEntries(Object.keys(known).map((type) => [type, undefined]));
  handlers.set(node, { ...silent, ...wanted });
}

/** Make `old` look and act like `fresh`, keeping its node. The two must be of the same kind. */
function morph(old, fresh) {
  if (old === fresh) return;
  syncAttributes(old, fresh);
  if (handlers.has(fresh) || handlers.has(old)) listen(old, handlers.get(fresh) ?? {});
  fill(old, [...fresh.childNodes]);
}

function syncAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isOwn(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!isOwn(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/** Whether an attribute tells of what a person is doing just now, and must therefore outlive an update. */
function isOwn(node, name) {
  if (name === "open") return node.tagName === "DETAILS";
  if (name === "aria-expanded") return node.hasAttribute("aria-haspopup");
  return name === "aria-busy";
}

/**
 * Give `parent` these children, reusing those it has: by `key` where there is one, else the next of the same kind.
 *
 * What is not reused goes first, so that nodes which stay in order need not be moved: a moved node loses its focus.
 */
export function fill(parent, wanted) {
  const nodes = wanted.flat(Infinity).filter((node) => node instanceof Node);
  const reused = pairUp(parent, nodes);
  const staying = new Set(reused.values());
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let cursor = parent.firstChild;
  for (const fresh of nodes) {
    const node = reused.get(fresh) ?? fresh;
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
    if (node !== fresh) update(node, fresh);
  }
}

/** Which child on screen each wanted node is drawn into. */
function pairUp(parent, nodes) {
  const keyed = new Map();
  const loose = [];
  for (const child of parent.childNodes) {
    if (child.dataset?.key) keyed.set(child.dataset.key, child);
    else loose.push(child);
  }
  const reused = new Map();
  let next = 0;
  for (const fresh of nodes) {
    const key = fresh.dataset?.key;
    if (fresh.parentNode === parent) {
      reused.set(fresh, fresh);
    } else if (key) {
      if (keyed.has(key) && sameKind(keyed.get(key), fresh)) reused.set(fresh, keyed.get(key));
      keyed.delete(key);
    } else {
      const at = loose.findIndex((child, index) => index >= next && sameKind(child, fresh));
      if (at < 0) continue;
      reused.set(fresh, loose[at]);
      next = at + 1;
    }
  }
  return reused;
}

function sameKind(one, other) {
  if (one.nodeName !== other.nodeName) return false;
  return one.nodeName !== "INPUT" || one.type === other.type;
}

function update(found, fresh) {
  if (fresh.nodeType === Node.ELEMENT_NODE) morph(found, fresh);
  else if (found.data !== fresh.data) found.data = fresh.data;
}
