/** The `rich_text` block, which carries its styles as data. Slack: docs "Rich text block". */

import { placeName, userName } from "./directory.js";
import { el } from "./dom.js";
import { emojiNamed } from "./emoji.js";
import { date, link, mention } from "./mrkdwn.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

/** A whole block. */
export function richText(block) {
  return el("div.rich-text", {}, (block.elements ?? []).map(part));
}

function part(element) {
  const inside = () => (element.elements ?? []).map(inline);
  switch (element.type) {
    case "rich_text_section":
      return el("div.rich-section", {}, inside());
    case "rich_text_preformatted":
      return el("pre", { tabindex: "0", "aria-label": "Code" }, el("code", {}, inside()));
    case "rich_text_quote":
      return el("blockquote", {}, inside());
    case "rich_text_list":
      return list(element);
    default:
      return unknown(element.type);
  }
}

function list(element) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const start = element.style === "ordered" && element.offset ? element.offset + 1 : null;
  const items = (element.elements ?? []).map((item) => el("li", {}, (item.elements ?? []).map(inline)));
  return el(tag, { class: `indent-${element.indent ?? 0}`, start }, items);
}

function inline(element) {
  return styled(bare(element), element.style ?? {});
}

function bare(element) {
  switch (element.type) {
    case "text":
      return document.createTextNode(element.text);
    case "link":
      return link(element.url, element.text || element.url);
    case "user":
      return mention(`@${userName(element.user_id)}`);
    case "channel":
      return mention(`#${placeName(element.channel_id) ?? "private channel"}`);
    case "usergroup":
      return mention("@group");
    case "broadcast":
      return mention(`@${element.range}`);
    case "emoji":
      return document.createTextNode(emojiNamed(element.name) ?? `:${element.name}:`);
    case "date":
      return date({
        epoch: element.timestamp,
        form: element.format,
        address: element.url,
        fallback: element.fallback,
      });
    case "color":
      return el("code", {}, element.value);
    default:
      return unknown(element.type);
  }
}

function styled(node, style) {
  return Object.entries(STYLES).reduce(
    (inner, [name, tag]) => (style[name] ? el(tag, {}, inner) : inner),
    node,
  );
}

function unknown(type) {
  return el("span.unknown-inline", {}, `Unknown rich text part “${type}”`);
}
