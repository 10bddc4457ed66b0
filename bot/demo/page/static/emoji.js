/** A handful of emoji shortcodes; any other stays as it was typed. */

const EMOJI = {
  alarm_clock: "⏰",
  arrow_right: "➡️",
  arrows_counterclockwise: "🔄",
  bell: "🔔",
  blue_circle: "🔵",
  large_blue_circle: "🔵",
  bulb: "💡",
  calendar: "📅",
  clock: "🕰️",
  eyes: "👀",
  file_folder: "📁",
  fire: "🔥",
  green_circle: "🟢",
  large_green_circle: "🟢",
  heavy_check_mark: "✔️",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  information_source: "ℹ️",
  key: "🔑",
  large_orange_circle: "🟠",
  large_yellow_circle: "🟡",
  link: "🔗",
  lock: "🔒",
  mag: "🔍",
  no_bell: "🔕",
  no_entry: "⛔",
  outbox_tray: "📤",
  package: "📦",
  pause_button: "⏸️",
  pushpin: "📌",
  question: "❓",
  red_circle: "🔴",
  rocket: "🚀",
  rotating_light: "🚨",
  smile: "😄",
  slightly_smiling_face: "🙂",
  stopwatch: "⏱️",
  tada: "🎉",
  "+1": "👍",
  thumbsup: "👍",
  wave: "👋",
  warning: "⚠️",
  white_check_mark: "✅",
  white_circle: "⚪\uFE0F",
  x: "❌",
  zap: "⚡",
};

/** The sign for a name without its colons, or null. */
export function emojiNamed(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : null;
}

/** The text with its known shortcodes replaced. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emojiNamed(name) ?? whole);
}
