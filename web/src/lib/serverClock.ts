// The server's clock as far as this page can know it: the newest `as_of` plus the monotonic time since it arrived.
// Never reads the wall clock of this device, which may be wrong by minutes.

const jump_ms = 5_000;

let offset_ms: number | null = null;

/** Takes note of an `as_of`. An answer is always a little old when it arrives, so the largest offset is the truest. */
export function noteServerTime(as_of: string | undefined | null): void {
  const at = as_of ? Date.parse(as_of) : Number.NaN;
  if (Number.isNaN(at)) return;
  const seen = at - performance.now();
  // A much smaller offset means that the server's clock was set back; holding on to the old one would be worse.
  if (offset_ms === null || seen > offset_ms || seen < offset_ms - jump_ms) offset_ms = seen;
}

/** Now, in milliseconds, on the server's clock; on this device's only until the first answer has come. */
export function serverNow(): number {
  return offset_ms === null ? Date.now() : performance.now() + offset_ms;
}
