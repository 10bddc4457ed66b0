/** The page's only way out: the demo server's JSON and its event stream. */

/** What the server said no to, in a sentence for people. */
class Refusal extends Error {}

async function answerOf(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    body = null;
  }
  if (response.ok && body !== null && body.ok !== false) return body;
  throw new Refusal(body?.error ?? `The demo server answered with status ${response.status}.`);
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Refusal("The demo server does not answer. Is it still running?");
  }
  return answerOf(response);
}

/** Everything the page shows. */
export const fetchState = () => ask("/api/state");

/** The exchanges after number `after`. */
export const fetchLog = (after) => ask(`/api/log?after=${after}`);

/** One exchange with headers and bodies. */
export const fetchExchange = (n) => ask(`/api/log/${encodeURIComponent(n)}`);

/** Do something as the chosen person, or to the machinery; Refusal if the server will not. */
export function act(name, details = {}) {
  return ask("/api/do", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ do: name, ...details }),
  });
}

/**
 * Hear of changes for as long as the page lives.
 *
 * @param {(version: number|null) => void} changed called for each change, and once after every (re)connection
 * @param {(connected: boolean) => void} connection told when the stream breaks and when it is back
 */
export function listen(changed, connection) {
  let stream = null;
  const open = () => {
    stream?.close();
    // A browser has six connections for one host: a tab that nobody looks at gives its stream back.
    stream = document.hidden ? null : new EventSource("/api/events");
    if (stream) follow(stream);
  };
  const follow = (mine) => {
    mine.addEventListener("open", () => {
      connection(true);
      changed(null);
    });
    mine.addEventListener("changed", (event) => changed(versionIn(event.data)));
    mine.addEventListener("error", () => {
      connection(false);
      if (mine.readyState === EventSource.CLOSED) setTimeout(() => mine === stream && open(), 2000);
    });
  };
  document.addEventListener("visibilitychange", open);
  open();
}

function versionIn(data) {
  try {
    return JSON.parse(data).version ?? null;
  } catch {
    return null;
  }
}
