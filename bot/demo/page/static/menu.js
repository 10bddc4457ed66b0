/** A menu that opens at a button: arrow keys, Home and End, a letter, Esc, a click elsewhere. */

import { el } from "./dom.js";

const GAP = 4;

/**
 * Open a menu.
 *
 * @param {HTMLElement} anchor the button it belongs to; gets the focus back
 * @param {{label: string, hint?: string, danger?: boolean, test?: string, href?: string, run?: () => void}[]} items
 * @param {string} label what the menu is, for screen readers
 */
export function openMenu(anchor, items, label) {
  const menu = el("div.menu", { popover: "auto", role: "menu", "aria-label": label });
  menu.append(...items.map((item) => menuItem(item, () => menu.hidePopover())));
  menu.addEventListener("keydown", (event) => walk(menu, event));
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "closed") close(menu, anchor);
  });
  (anchor.closest("dialog") ?? document.body).append(menu);
  anchor.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(menu, anchor);
  menu.querySelector("[role=menuitem]")?.focus();
}

function menuItem({ label, hint, danger, test, href, run }, close) {
  const chosen = () => {
    close();
    run?.();
  };
  const inside = [el("span", {}, label), hint ? el("span.menu-hint", {}, hint) : null];
  const props = {
    role: "menuitem",
    tabindex: "-1",
    test,
    class: danger ? "is-danger" : "",
    on: { click: chosen },
  };
  if (href)
    return el("a.menu-item", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, inside);
  return el("button.menu-item", { ...props, type: "button" }, inside);
}

function close(menu, anchor) {
  const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
  menu.remove();
  anchor.setAttribute("aria-expanded", "false");
  if (hadFocus && anchor.isConnected) anchor.focus();
}

/** Below the button, or above where there is no room; always within the window. */
function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + GAP + height <= innerHeight;
  const top = below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height);
  const left = Math.min(Math.max(GAP, at.right - width), innerWidth - width - GAP);
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
}

function walk(menu, event) {
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const now = items.indexOf(document.activeElement);
  const steps = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 };
  let next = steps[event.key];
  if (next === undefined && event.key.length === 1 && event.key !== " ") {
    const letter = event.key.toLowerCase();
    next = items.findIndex((item, index) => index > now && item.textContent.toLowerCase().startsWith(letter));
    if (next < 0) return;
  }
  if (event.key === "Tab") menu.hidePopover();
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length].focus();
}
