// Writes when a section meets, as timetables do. The times are those of the section's zone.
import type { Meeting } from '../../api/types';
import { regional } from '../../lib/times';

const days = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'];
/** A Monday, to name days after. */
const monday = Date.UTC(2024, 0, 1);

/** "Mon, Wed 10:00 – 10:50, HSS 1330" */
export function writeMeeting({ days: meets, from, to, place }: Meeting, language: string): string {
  const write = new Intl.DateTimeFormat(regional(language), { weekday: 'short', timeZone: 'UTC' });
  const names = meets.map((one) => write.format(monday + days.indexOf(one) * 86_400_000)).join(', ');
  return [`${names} ${clock(from, language)} – ${clock(to, language)}`, place].filter(Boolean).join(', ');
}

function clock(time: string, language: string): string {
  const at = Date.UTC(2024, 0, 1, Number(time.slice(0, 2)), Number(time.slice(3, 5)));
  return new Intl.DateTimeFormat(regional(language), { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' }).format(at);
}
