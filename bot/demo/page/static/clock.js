/** The demo's clock, running on between two looks at the server. */

let anchor = { epoch: Date.now() / 1000, speed: 1, read: performance.now() };

/** Take over the server's clock. */
export function setClock({ epoch, speed }) {
  anchor = { epoch, speed, read: performance.now() };
}

/** Seconds since 1970 by the demo's clock. */
export function demoNow() {
  return anchor.epoch + ((performance.now() - anchor.read) / 1000) * anchor.speed;
}

/** The demo's moment as a Date. */
export function demoDate() {
  return new Date(demoNow() * 1000);
}
