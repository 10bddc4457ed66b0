/** Where one types: completion, Enter to send, drafts that outlive a change of place. */

import { busyWhile, perform } from "./actions.js";
import { proposals, usageOf } from "./completion.js";
import { el, fill } from "./dom.js";
import { showTab } from "./tabs.js";
import { announce } from "./toast.js";

const TALLEST_PX = 180;

let main = null;

/** Put a text into the conversation's composer, ready to be sent. */
export function fillComposer(text) {
  showTab("talk");
  main?.write(text);
}

/** One composer; the conversation has one, and the thread. */
export class Composer {
  #state = null;
  #draft = null;
  #chosen = 0;
  #found = { start: 0, items: [] };
  #sent = "";

  /**
   * @param {HTMLElement} root where to draw it
   * @param {{id: string, thread: (state: object) => string|null, sent: () => void}} options
   *   thread: the ts of the thread it writes to
   */
  constructor(root, { id, thread, sent }) {
    this.id = id;
    this.threadOf = thread;
    this.afterSending = sent;
    this.field = el("textarea.composer-field", {
      id,
      rows: "1",
      test: thread({}) === null ? "composer" : "thread-composer",
      "aria-autocomplete": "list",
      "aria-controls": `${id}-list`,
      "aria-describedby": `${id}-hint`,
      autocomplete: "off",
      spellcheck: "false",
      on: {
        input: () => this.#typed(),
        keydown: (event) => this.#key(event),
        blur: () => this.#close(),
        click: () => this.#typed(),
      },
    });
    this.list = el("div.proposals", {
      id: `${id}-list`,
      role: "listbox",
      "aria-label": "Proposals",
      hidden: true,
    });
    this.hint = el("p.composer-hint", { id: `${id}-hint` });
    this.button = el(
      "button.button.is-primary.send",
      { type: "submit", test: `${id}-send`, "aria-label": "Send" },
      "Send",
    );
    const submit = (event) => {
      event.preventDefault();
      this.send();
    };
    root.append(this.list, el("form.composer", { on: { submit } }, this.field, this.button), this.hint);
    if (id === "message-field") main = this;
  }

  /** Follow the state: another place or person brings another draft. */
  update(state, title) {
    this.#state = state;
    const me = state.people.find((person) => person.key === state.me);
    const thread = this.threadOf(state);
    const words = thread ? `Reply in the thread as ${me?.name}` : `Message ${title} as ${me?.name}`;
    this.field.placeholder = words;
    this.field.setAttribute("aria-label", words);
    const draft = `draft/${state.me}/${state.place}/${thread ?? ""}`;
    if (draft !== this.#draft) {
      this.#draft = draft;
      this.field.value = sessionStorage.getItem(draft) ?? "";
      this.#grow();
      this.#close();
    }
    this.#showHint();
  }

  /** Replace what is typed, and put the cursor behind it. */
  write(text) {
    this.field.value = text;
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
    this.#typed();
  }

  /** Send what is typed; it comes back if the server does not take it. */
  async send() {
    const text = this.field.value.trim();
    if (!text || !this.#state) return;
    const thread = this.threadOf(this.#state);
    const draft = this.#draft;
    this.#sent = text;
    this.write("");
    this.afterSending();
    const taken = await busyWhile(this.button, perform("type", thread ? { text, thread } : { text }));
    if (!taken && draft === this.#draft && !this.field.value) this.write(text);
  }

  #typed() {
    if (!this.#state) return;
    if (this.field.value) sessionStorage.setItem(this.#draft, this.field.value);
    else sessionStorage.removeItem(this.#draft);
    this.#grow();
    this.#showHint();
    const before = this.field.value.slice(0, this.field.selectionStart);
    this.#found = proposals(before, this.#state, { inThread: this.threadOf(this.#state) !== null });
    this.#chosen = 0;
    if (this.#found.items.length && this.list.hidden)
      announce(`${this.#found.items.length} proposals, arrow keys to choose`);
    this.#drawProposals();
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, TALLEST_PX)}px`;
  }

  #showHint() {
    const usage = usageOf(this.field.value, this.#state);
    const commands = this.threadOf(this.#state) === null ? " · / shows commands" : "";
    this.hint.classList.toggle("is-usage", usage !== null);
    this.hint.textContent = usage ?? `Enter sends · Shift + Enter starts a new line${commands}`;
  }

  #drawProposals() {
    const { items } = this.#found;
    this.list.hidden = items.length === 0;
    const option = ({ label, about }, index) =>
      el(
        "div.proposal",
        {
          id: `${this.id}-option-${index}`,
          role: "option",
          "aria-selected": String(index === this.#chosen),
          on: {
            pointerdown: (event) => {
              event.preventDefault();
              this.#take(index);
            },
          },
        },
        el("strong", {}, label),
        el("span.quiet", {}, about ?? ""),
      );
    fill(this.list, items.map(option));
    if (items.length) this.field.setAttribute("aria-activedescendant", `${this.id}-option-${this.#chosen}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #take(index) {
    const { start, items } = this.#found;
    const after = this.field.value.slice(this.field.selectionStart);
    const before = this.field.value.slice(0, start) + items[index].insert;
    this.field.value = before + after.trimStart();
    this.field.setSelectionRange(before.length, before.length);
    this.#close();
    this.#typed();
  }

  #close() {
    this.#found = { start: 0, items: [] };
    this.#drawProposals();
  }

  #key(event) {
    if (event.isComposing) return;
    if (!this.list.hidden && this.#keyInProposals(event)) {
      event.preventDefault();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && !this.field.value && this.#sent) {
      event.preventDefault();
      this.write(this.#sent);
    }
  }

  /** Whether the chosen proposal stands there already, so that Enter means to send it. */
  #isWhole() {
    return this.#found.items[this.#chosen].insert.trim() === this.field.value.trim();
  }

  /** Whether the key was meant for the proposals. */
  #keyInProposals({ key, shiftKey }) {
    const { length } = this.#found.items;
    const step = { ArrowDown: 1, ArrowUp: length - 1 }[key];
    if (step) {
      this.#chosen = (this.#chosen + step) % length;
      this.#drawProposals();
    } else if (key === "Tab" || (key === "Enter" && !shiftKey && !this.#isWhole())) {
      this.#take(this.#chosen);
    } else if (key === "Escape") {
      this.#close();
    } else {
      return false;
    }
    return true;
  }
}
