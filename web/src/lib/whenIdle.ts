// Puts off what the first look at the page does not need.

const wait_max_ms = 2_000;

/** Calls when the browser has nothing better to do, or after two seconds; the answer calls it off. */
export function whenIdle(what: () => void): () => void {
  if (!('requestIdleCallback' in window)) {
    const timer = setTimeout(what, wait_max_ms / 4);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(what, { timeout: wait_max_ms });
  return () => cancelIdleCallback(handle);
}
