// Days and offsets of zones, only for drawing and for first guesses. Turns no civil time into an instant:
// the server does that, and refuses what does not exist.

const minute_ms = 60_000;

const formatters = new Map<string, Intl.DateTimeFormat>();
const formatters_max = 200;

/** Making one costs far more than using it, and a screen of hours uses a few of them thousands of times. */
export function formatter(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${language} ${JSON.stringify(options)}`;
  let found = formatters.get(name);
  if (!found) {
    if (formatters.size >= formatters_max) formatters.clear();
    found = new Intl.DateTimeFormat(language, options);
    formatters.set(name, found);
  }
  return found;
}

/** How far the zone is ahead of UTC at an instant, in milliseconds. */
export function zoneOffset(at: number, zone: string): number {
  const parts = formatter('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((one) => one.type === type)?.value);
  const asUtc = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return asUtc - Math.floor(at / 1000) * 1000;
}

/** 2026-11-23 for the day of an instant in a zone (the viewer's by default). */
export function civilDate(at: number, zone?: string): string {
  return formatter('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
}

/** 18:00 for an instant in a zone (the viewer's by default), as a time field wants it. */
export function civilTime(at: number, zone?: string): string {
  return formatter('sv-SE', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(at);
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 1440 * minute_ms).toISOString().slice(0, 10);
}

/** The first working day after a date: nobody means a Sunday when they open the page on Friday. */
export function nextWorkingDay(date: string): string {
  let next = addDays(date, 1);
  while ([0, 6].includes(new Date(`${next}T00:00:00Z`).getUTCDay())) next = addDays(next, 1);
  return next;
}
