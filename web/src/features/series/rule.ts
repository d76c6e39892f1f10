// Writes a repetition as the server wants it: a rule of RFC 5545, with dates left out and dates put elsewhere.
// Never expands a rule: which dates it means is the server's to say.

export const paces = ['daily', 'weekdays', 'weekly', 'fortnightly', 'monthly'] as const;
export type Pace = (typeof paces)[number];

const frequencies: Record<Pace, string> = {
  daily: 'FREQ=DAILY',
  weekdays: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
  weekly: 'FREQ=WEEKLY',
  fortnightly: 'FREQ=WEEKLY;INTERVAL=2',
  monthly: 'FREQ=MONTHLY',
};

/** What becomes of single dates: their civil start as the rule has it, and where they go, if anywhere. */
export type Exceptions = ReadonlyMap<string, { to: string } | 'skip'>;

export const dates_max = 100;

export function writeRule(pace: Pace, count: number, exceptions: Exceptions): string {
  const lines = [`${frequencies[pace]};COUNT=${Math.min(Math.max(1, count), dates_max)}`];
  for (const [date, what] of exceptions) {
    lines.push(`EXDATE:${compact(date)}`);
    if (what !== 'skip') lines.push(`RDATE:${compact(what.to)}`);
  }
  return lines.join('\n');
}

/** 2027-03-02T10:00 or 2027-03-02T10:00:00 → 20270302T100000 */
function compact(civil: string): string {
  const digits = civil.replaceAll(/[-:]/g, '');
  return digits.length === 13 ? `${digits}00` : digits;
}
