/** The `markdown` block: the standard Markdown that Slack takes there, as DOM nodes. */

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link } from "./mrkdwn.js";

const RULES = [
  [/`([^`\n]+)`/, (match) => el("code", {}, match[1])],
  [/\[([^\]\n]+)\]\(([^)\s]+)\)/, (match) => link(match[2], inline(match[1]))],
  [/\*\*([^\n]+?)\*\*/, (match) => el("strong", {}, inline(match[1]))],
  [/__([^\n]+?)__/, (match) => el("strong", {}, inline(match[1]))],
  [/~~([^\n]+?)~~/, (match) => el("s", {}, inline(match[1]))],
  [/(?<![\p{L}\p{N}*])\*([^\s*][^*\n]*)\*/u, (match) => el("em", {}, inline(match[1]))],
  [/(?<![\p{L}\p{N}_])_([^\s_][^_\n]*)_(?![\p{L}\p{N}])/u, (match) => el("em", {}, inline(match[1]))],
  [/https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/, (match) => link(match[0], match[0])],
];

/** A text of Markdown as one element. */
export function markdown(text) {
  const parts = text.split(/^```[^\n]*\n([\s\S]*?)^```[ \t]*$/m);
  return el(
    "div.markdown",
    {},
    parts.map((part, index) =>
      index % 2 ? el("pre", { tabindex: "0", "aria-label": "Code" }, el("code", {}, part)) : lines(part),
    ),
  );
}

/** Consecutive lines of one kind make one element. */
function lines(text) {
  const nodes = [];
  for (const paragraph of text.split(/\n{2,}/)) {
    let run = null;
    for (const line of paragraph.split("\n").filter((one) => one.trim())) {
      const { kind, content } = kindOf(line);
      if (run?.kind === kind) run.lines.push(content);
      else nodes.push((run = { kind, lines: [content] }));
    }
  }
  return nodes.map(drawn);
}

function kindOf(line) {
  const kinds = [
    ["heading", /^#{1,6}\s+(.*)$/],
    ["rule", /^(?:-{3,}|\*{3,})()$/],
    ["bullet", /^\s*[-*+]\s+(.*)$/],
    ["ordered", /^\s*\d+[.)]\s+(.*)$/],
    ["quote", /^>\s?(.*)$/],
  ];
  for (const [kind, form] of kinds) {
    const match = form.exec(line.trimEnd());
    if (match) return { kind, content: match[1] };
  }
  return { kind: "text", content: line };
}

function drawn({ kind, lines: content }) {
  const items = () => content.map((line) => el("li", {}, inline(line)));
  switch (kind) {
    case "heading":
      return content.map((line) => el("p.markdown-heading", {}, inline(line)));
    case "rule":
      return el("hr");
    case "bullet":
      return el("ul", {}, items());
    case "ordered":
      return el("ol", {}, items());
    case "quote":
      return el("blockquote", {}, inline(content.join("\n")));
    default:
      return el("p", {}, inline(content.join("\n")));
  }
}

/** The leftmost of all marks, then what follows it. */
function inline(text) {
  let first = null;
  for (const [form, draw] of RULES) {
    const match = form.exec(text);
    if (match && (!first || match.index < first.match.index)) first = { match, draw };
  }
  if (!first) return [withEmoji(text)];
  const { match, draw } = first;
  const rest = text.slice(match.index + match[0].length);
  return [withEmoji(text.slice(0, match.index)), draw(match), ...inline(rest)];
}
