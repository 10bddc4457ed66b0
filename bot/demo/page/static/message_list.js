/** A list of messages that stays where one reads it, and follows the newest only from the bottom. */

import { el, fill } from "./dom.js";
import { dayHeading, dayNumber } from "./format.js";
import { continues, drawMessage, signature, writtenAt } from "./message.js";
import { mrkdwn } from "./mrkdwn.js";
import { announce } from "./toast.js";

const NEAR_PX = 60;

/** Draws messages into a list within a scroller. */
export class MessageList {
  #list;
  #scroller;
  #newer;
  #drawn = new Map();
  #conversation = null;
  #texts = new Map();
  #isAtEnd = true;
  #top = 0;

  constructor(scroller, list, newer = null) {
    this.#scroller = scroller;
    this.#list = list;
    this.#newer = newer;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#isAtEnd && this.toEnd()).observe(scroller);
    newer?.addEventListener("click", () => this.toEnd());
  }

  /**
   * Show these messages.
   *
   * @param {string} conversation names what is shown; another one starts at its end
   * @param {object[]} messages
   * @param {object} view as for `drawMessage`
   * @param {{before?: Node[], after?: (message: object) => Node|null, empty?: () => Node}} [around]
   */
  show(conversation, messages, view, around = {}) {
    const isOther = conversation !== this.#conversation;
    const follows = isOther || this.#isAtEnd;
    this.#conversation = conversation;
    const nodes = messages.length ? this.#nodes(messages, view, around) : [around.empty?.()];
    fill(this.#list, nodes.filter(Boolean));
    const hasNews = this.#tell(messages, view, isOther);
    if (follows) this.toEnd();
    else if (hasNews && this.#newer) this.#newer.hidden = false;
  }

  /** Something else is shown in the list's place; whatever comes back starts at its end. */
  leave() {
    this.#conversation = null;
    if (this.#newer) this.#newer.hidden = true;
  }

  /** Go to the newest message. */
  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#isAtEnd = true;
    if (this.#newer) this.#newer.hidden = true;
  }

  /** One leaves the end by scrolling up; that the window got smaller is no reason to stay behind. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    const wentUp = scrollTop < this.#top;
    this.#top = scrollTop;
    if (isNear || wentUp) this.#isAtEnd = isNear;
    if (this.#isAtEnd && this.#newer) this.#newer.hidden = true;
  }

  #nodes(messages, view, { after }) {
    const nodes = [];
    let before = null;
    const drawn = new Map();
    for (const message of messages) {
      const at = writtenAt(message);
      if (!before || dayNumber(writtenAt(before)) !== dayNumber(at)) nodes.push(dayLine(at));
      nodes.push(this.#node(message, { ...view, continued: continues(message, before) }, drawn));
      nodes.push(after?.(message));
      before = message;
    }
    this.#drawn = drawn;
    return nodes;
  }

  /** The node on screen if nothing changed, else a new drawing for it. */
  #node(message, view, drawn) {
    const wanted = signature(message, view);
    drawn.set(message.key, wanted);
    if (this.#drawn.get(message.key) === wanted) {
      const node = [...this.#list.children].find((child) => child.dataset.key === message.key);
      if (node) return node;
    }
    return drawMessage(message, view);
  }

  /** Tell screen readers of what came or changed; true if something new stands at the end. */
  #tell(messages, view, isOther) {
    const known = this.#texts;
    this.#texts = new Map(messages.map((message) => [message.key, message.text]));
    if (isOther) return false;
    const news = messages.filter((message) => known.get(message.key) !== message.text);
    for (const message of news.slice(-3)) {
      const verb = known.has(message.key) ? "changed a message" : "says";
      announce(`${message.author.name} ${verb}: ${mrkdwn(message.text).textContent}`);
    }
    return news.some((message) => !known.has(message.key));
  }
}

function dayLine(date) {
  return el("div.day", { key: `day-${dayNumber(date)}` }, el("span", {}, dayHeading(date)));
}
