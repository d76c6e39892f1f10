// Writes instants for people: the place's own time first, always with its zone, and the viewer's as a second line.
import { formatter, zoneOffset } from './zoned';

const ofDevice = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The zone of whoever looks: what their profile says, else the device's. */
export let viewerZone = ofDevice;

/** Says what the profile says; null is the device's. What is drawn already must be drawn anew. */
export function readIn(zone: string | null): void {
  viewerZone = zone ?? ofDevice;
}

/** The person's own regional variant of the language, so that 24 h and day order follow their habits. */
export function regional(language: string): string {
  const own = navigator.languages?.find((tag) => tag.split('-')[0] === language && tag.includes('-'));
  // Digits are Latin everywhere, as in the fields that the browser draws.
  return `${own ?? (language === 'en' ? 'en-GB' : language)}-u-nu-latn`;
}

function format(at: number, zone: string, language: string, options: Intl.DateTimeFormatOptions): string {
  return formatter(regional(language), { timeZone: zone, ...options }).format(at);
}

const clock: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' };
const day: Intl.DateTimeFormatOptions = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' };

/** "Tue 24 Nov 2026, 10:00 – 11:00" */
export function writeInterval(start: string | number, end: string | number, zone: string, language: string): string {
  const from = new Date(start).getTime();
  const to = new Date(end).getTime();
  const days = [format(from, zone, language, day), format(to, zone, language, day)];
  const times = [format(from, zone, language, clock), format(to, zone, language, clock)];
  if (days[0] === days[1]) return `${days[0]}, ${times[0]} – ${times[1]}`;
  return `${days[0]}, ${times[0]} – ${days[1]}, ${times[1]}`;
}

/** The same interval in the viewer's zone; the day only where it is another. */
export function writeForViewer(start: string | number, end: string | number, zone: string, language: string): string {
  const days = [start, end].flatMap((at) => [zone, viewerZone].map((one) => format(new Date(at).getTime(), one, language, day)));
  if (new Set(days).size > 1) return writeInterval(start, end, viewerZone, language);
  return writeClocks(start, end, viewerZone, language);
}

/** "10:00 – 11:00", where the day is known */
export function writeClocks(start: string | number, end: string | number, zone: string, language: string): string {
  return `${writeClock(start, zone, language)} – ${writeClock(end, zone, language)}`;
}

/** "Tue, 24 Nov" */
export function writeShortDay(at: string | number, zone: string, language: string): string {
  return format(new Date(at).getTime(), zone, language, { weekday: 'short', day: 'numeric', month: 'short' });
}

/** "PST, Los Angeles" */
export function writeZone(at: string | number, zone: string, language: string): string {
  const name = new Intl.DateTimeFormat(regional(language), { timeZone: zone, timeZoneName: 'short' })
    .formatToParts(new Date(at))
    .find((part) => part.type === 'timeZoneName')?.value;
  const city = zone.split('/').at(-1)!.replaceAll('_', ' ');
  return name && name !== city ? `${name}, ${city}` : city;
}

export function writeInstant(at: string | number, zone: string, language: string): string {
  return format(new Date(at).getTime(), zone, language, { ...day, ...clock, timeZoneName: 'short' });
}

export function writeClock(at: string | number, zone: string, language: string, seconds = false): string {
  return format(new Date(at).getTime(), zone, language, seconds ? { ...clock, second: '2-digit' } : clock);
}

/** Whether a second line in the viewer's own zone says anything new. */
export function differsForViewer(at: string | number, zone: string): boolean {
  const instant = new Date(at).getTime();
  return zoneOffset(instant, zone) !== zoneOffset(instant, viewerZone);
}

/** "Tue 24 Nov 2026" for the day of an instant in a zone */
export function writeDay(at: string | number, zone: string, language: string): string {
  return format(new Date(at).getTime(), zone, language, day);
}

/** "2 days 4 hr", "5 min", "12 sec": the two largest parts of a stretch of time, whole ones. */
export function writeLength(length_ms: number, language: string): string {
  const seconds = Math.max(0, Math.floor(length_ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'day'],
    [Math.floor(seconds / 3_600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ];
  const first = Math.max(0, parts.findIndex(([count]) => count > 0) < 0 ? 3 : parts.findIndex(([count]) => count > 0));
  return parts
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => new Intl.NumberFormat(regional(language), { style: 'unit', unit, unitDisplay: 'short' }).format(count))
    .join(' ');
}
