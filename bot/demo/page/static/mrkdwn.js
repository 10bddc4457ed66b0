/**
 * Slack's markup as DOM nodes. Slack: docs "Formatting text".
 *
 * Text arrives with `&`, `<` and `>` as entities, so a bare `<` always opens one of Slack's own tokens. Slack draws
 * no lists in mrkdwn: their lines stay lines.
 */

import { placeName, userName } from "./directory.js";
import { el } from "./dom.js";
import { emojiNamed } from "./emoji.js";
import { dateToken } from "./format.js";

const MARKS = { "*": "strong", _: "em", "~": "s" };
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const WORD = /[\p{L}\p{N}]/u;
const QUOTE = /^(?:&gt;|>)(?!(?:&gt;|>){2}) ?/;
const LONG_QUOTE = /^(?:&gt;|>){3} ?/;
const EMOJI = /:([a-z0-9_+-]+):/y;
const ADDRESS = /https?:\/\/[^\s<>|"']*[^\s<>|"'.,;:!?)\]}]/y;
const LINKABLE = /^(?:https?:\/\/|mailto:)/i;
const BROADCASTS = new Set(["here", "channel", "everyone"]);

/** Undo the three entities, and no others. */
function decode(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

/**
 * A text of markup as one element.
 *
 * @param {string} text
 * @param {{verbatim?: boolean}} [options] verbatim: leave bare addresses alone
 */
export function mrkdwn(text, options = {}) {
  return el("div.mrkdwn", {}, pieces(text ?? "", options));
}

/** Block level: fences, then quotes, then lines. */
function pieces(text, options) {
  return text.split(/```([\s\S]+?)```/).map((part, index) => {
    if (index % 2)
      return el(
        "pre",
        { tabindex: "0", "aria-label": "Code" },
        el("code", {}, literal(part.replace(/^\n/, ""))),
      );
    const between = index ? part.replace(/^\n/, "") : part;
    return quotes(between, options);
  });
}

function quotes(text, options) {
  const nodes = [];
  const lines = text.split("\n");
  let plain = [];
  const flush = () => {
    if (plain.length) nodes.push(...inline(plain.join("\n"), options));
    plain = [];
  };
  for (let at = 0; at < lines.length;) {
    if (LONG_QUOTE.test(lines[at])) {
      flush();
      const rest = lines.slice(at).join("\n").replace(LONG_QUOTE, "");
      return [...nodes, el("blockquote", {}, inline(rest, options))];
    }
    const quoted = [];
    while (at < lines.length && QUOTE.test(lines[at])) quoted.push(lines[at++].replace(QUOTE, ""));
    if (quoted.length) {
      flush();
      nodes.push(el("blockquote", {}, inline(quoted.join("\n"), options)));
    } else {
      plain.push(lines[at++]);
    }
  }
  flush();
  return nodes;
}

/** One run of text, with everything that can stand within a line. */
function inline(text, options) {
  const nodes = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const found = readAt(text, at, options);
    if (!found) {
      plain += text[at++];
      continue;
    }
    if (plain) nodes.push(decode(plain));
    plain = "";
    nodes.push(found.node);
    at = found.end;
  }
  if (plain) nodes.push(decode(plain));
  return nodes;
}

function readAt(text, at, options) {
  const sign = text[at];
  if (sign === "`") return readCode(text, at);
  if (sign === "<") return readToken(text, at);
  if (sign in MARKS) return readMarked(text, at, options);
  if (sign === ":") return readEmoji(text, at);
  if (sign === "h" && !options.verbatim) return readAddress(text, at);
  return null;
}

function endOfCode(text, at) {
  const end = text.indexOf("`", at + 1);
  return end > at + 1 && !text.slice(at, end).includes("\n") ? end : -1;
}

function readCode(text, at) {
  const end = endOfCode(text, at);
  return end < 0 ? null : { node: el("code", {}, literal(text.slice(at + 1, end))), end: end + 1 };
}

function endOfToken(text, at) {
  const end = text.indexOf(">", at);
  return end > at + 1 && !/[<\n]/.test(text.slice(at + 1, end)) ? end : -1;
}

function readToken(text, at) {
  const end = endOfToken(text, at);
  return end < 0 ? null : { node: token(text.slice(at + 1, end)), end: end + 1 };
}

function readMarked(text, at, options) {
  if (at > 0 && WORD.test(text[at - 1])) return null;
  const end = endOfMark(text, at);
  if (end < 0) return null;
  return { node: el(MARKS[text[at]], {}, inline(text.slice(at + 1, end), options)), end: end + 1 };
}

/** Where the mark at `at` closes: on the same line, outside code and tokens, at the end of a word. */
function endOfMark(text, at) {
  if (/\s/.test(text[at + 1] ?? " ")) return -1;
  for (let i = at + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "`") i = Math.max(i, endOfCode(text, i));
    else if (text[i] === "<") i = Math.max(i, endOfToken(text, i));
    else if (text[i] === text[at] && i > at + 1 && !/\s/.test(text[i - 1]) && !WORD.test(text[i + 1] ?? " "))
      return i;
  }
  return -1;
}

function readEmoji(text, at) {
  EMOJI.lastIndex = at;
  const name = EMOJI.exec(text)?.[1];
  const sign = name && emojiNamed(name);
  return sign
    ? {
        node: el("span", { role: "img", "aria-label": name.replaceAll("_", " ") }, sign),
        end: EMOJI.lastIndex,
      }
    : null;
}

function readAddress(text, at) {
  if (at > 0 && WORD.test(text[at - 1])) return null;
  ADDRESS.lastIndex = at;
  const address = ADDRESS.exec(text)?.[0];
  return address ? { node: link(decode(address), decode(address)), end: ADDRESS.lastIndex } : null;
}

/** Text in code: tokens show their label, nothing else means anything. */
function literal(text) {
  return decode(text.replace(/<([^<>|\n]+)(?:\|([^<>\n]*))?>/g, (_, target, label) => label || target));
}

/** What stands between `<` and `>`. */
function token(body) {
  if (body.startsWith("!date^")) return dateNode(body);
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : decode(body.slice(bar + 1));
  if (target[0] === "@") return mention(`@${label || userName(target.slice(1))}`);
  if (target[0] === "#") return mention(`#${label || placeName(target.slice(1)) || "private channel"}`);
  if (target[0] === "!") return command(target.slice(1), label);
  if (!label && !LINKABLE.test(target)) return document.createTextNode(decode(`<${target}>`));
  return link(decode(target), label || decode(target).replace(/^mailto:/, ""));
}

function command(name, label) {
  if (name.startsWith("subteam^")) return mention(label || "@group");
  return BROADCASTS.has(name) ? mention(`@${name}`) : document.createTextNode(label || `<!${name}>`);
}

export function mention(text) {
  return el("span.mention", {}, text);
}

/** `!date^EPOCH^FORM^LINK|FALLBACK` in the reader's zone. */
function dateNode(body) {
  const bar = body.indexOf("|");
  const [, epoch, form = "", address] = (bar < 0 ? body : body.slice(0, bar)).split("^");
  return date({
    epoch: epoch ?? "",
    form: decode(form),
    address,
    fallback: bar < 0 ? "" : decode(body.slice(bar + 1)),
  });
}

/** A moment in the reader's zone, or its fallback. */
export function date({ epoch, form, address, fallback }) {
  const text = dateToken(String(epoch), form);
  if (text === null) return el("span", {}, fallback || form);
  const time = el(
    "time",
    { datetime: new Date(Number(epoch) * 1000).toISOString(), title: fallback || null },
    text,
  );
  return address ? link(decode(address), time) : time;
}

/** A link that leaves the page; an address of another kind than these three is shown, not followed. */
export function link(address, label) {
  if (!LINKABLE.test(address)) return el("span", {}, label);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}
