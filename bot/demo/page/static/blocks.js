/** Block Kit's blocks as DOM nodes. Slack: docs "Block Kit reference", "Blocks". */

import { el } from "./dom.js";
import { controlId, plain } from "./element_parts.js";
import { drawElement, image } from "./elements.js";
import { markdown } from "./markdown.js";
import { MORE_BLOCKS } from "./more_blocks.js";
import { link, mrkdwn } from "./mrkdwn.js";
import { problemCard } from "./problem_card.js";
import { richText } from "./richtext.js";

/** A text object of either kind. */
export function textObject(text) {
  if (!text) return null;
  return text.type === "mrkdwn"
    ? mrkdwn(text.text, { verbatim: text.verbatim })
    : el("div.as-typed", {}, plain(text));
}

/** Draw all blocks; one that cannot be drawn becomes a card that says so, and the others still show. */
export function drawBlocks(blocks, surface) {
  return el(
    "div.blocks",
    {},
    blocks.map((block, index) => drawBlock(block, surface, index)),
  );
}

/** Draw one block. */
export function drawBlock(block, surface, index = 0) {
  const draw = Object.hasOwn(DRAW, String(block?.type)) ? DRAW[block.type] : null;
  let node;
  try {
    node = draw
      ? draw(block, surface, { drawBlock, textObject })
      : problemCard(`Unknown block type “${block?.type}”`, block);
  } catch (failure) {
    node = problemCard(`This ${block.type} block cannot be drawn: ${failure.message}`, block);
  }
  node.classList.add("block");
  if (surface.keepsInputs) node.dataset.key = `block-${block.block_id ?? index}`;
  return node;
}

function section(block, surface) {
  return el(
    "div.section",
    {},
    el(
      "div.section-text",
      {},
      textObject(block.text),
      block.fields
        ? el(
            "div.fields",
            {},
            block.fields.map((field) => el("div.field-text", {}, textObject(field))),
          )
        : null,
    ),
    block.accessory ? el("div.accessory", {}, drawElement(block.accessory, block, surface)) : null,
  );
}

function context(block) {
  const piece = (element) => (element.type === "image" ? image(element) : textObject(element));
  return el(
    "div.context",
    {},
    block.elements.map((element) => el("div.context-piece", {}, piece(element))),
  );
}

function actions(block, surface) {
  return el(
    "div.actions",
    {},
    block.elements.map((element) => drawElement(element, block, surface)),
  );
}

function imageBlock(block) {
  return el(
    "figure.image-block",
    {},
    block.title ? el("figcaption", {}, plain(block.title)) : null,
    image(block),
  );
}

/** A labelled input; its error, if any, stands below and is announced with it. */
function input(block, surface) {
  const { element } = block;
  const id = controlId(element, block, surface);
  const error = surface.errors?.[block.block_id];
  const hint = plain(block.hint);
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const inner = {
    ...surface,
    quiet: !block.dispatch_action,
    isLabelled: true,
    describedBy: () => described || null,
  };
  const isGroup = ["checkboxes", "radio_buttons", "multi_static_select", "multi_users_select"].includes(
    element.type,
  );
  const label = [plain(block.label), block.optional ? el("span.quiet", {}, " (optional)") : null];
  return el(
    "div.input-block",
    { class: error ? "has-error" : "" },
    isGroup ? el("div.label", {}, label) : el("label.label", { for: id }, label),
    drawElement(element, block, inner),
    hint ? el("p.hint", { id: `${id}-hint` }, hint) : null,
    error ? el("p.field-error", { id: `${id}-error`, role: "alert" }, error) : null,
  );
}

function video(block) {
  const about = [block.author_name, block.provider_name].filter(Boolean).join(" · ");
  return el(
    "div.card",
    {},
    el("strong", {}, link(block.title_url || block.video_url, plain(block.title))),
    about ? el("p.quiet", {}, about) : null,
    block.description ? el("p", {}, plain(block.description)) : null,
    el("p", {}, link(block.video_url, `Watch the video: ${block.alt_text}`)),
  );
}

function table(block) {
  const settings = block.column_settings ?? [];
  const cell = (content, column, isHead) => {
    const { align, is_wrapped: wrapped } = settings[column] ?? {};
    const text =
      content.type === "rich_text" ? richText(content) : String(content.text ?? content.value ?? "");
    return el(
      isHead ? "th" : "td",
      { scope: isHead ? "col" : null, class: `${align ?? ""} ${wrapped ? "wraps" : ""}` },
      text,
    );
  };
  const row = (cells, index) =>
    el(
      "tr",
      {},
      cells.map((content, column) => cell(content, column, index === 0)),
    );
  const [head, ...rest] = block.rows;
  return el(
    "div.table-frame",
    { tabindex: "0", role: "region", "aria-label": "Table" },
    el(
      "table.table",
      {},
      el("thead", {}, row(head, 0)),
      el(
        "tbody",
        {},
        rest.map((cells, index) => row(cells, index + 1)),
      ),
    ),
  );
}

const DRAW = {
  ...MORE_BLOCKS,
  section,
  context,
  actions,
  input,
  video,
  table,
  header: (block) => el("h3.header", {}, plain(block.text)),
  divider: () => el("hr.divider"),
  image: imageBlock,
  markdown: (block) => markdown(block.text),
  rich_text: richText,
};
