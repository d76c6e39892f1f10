// Opening hours and requirements as people type them, and back. What cannot be read is said, never guessed.

export const days = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'] as const;

export interface Hours {
  days: string[];
  from: string;
  to: string;
}

/** "mo-fr 08:00-20:00; sa 10:00-14:00"; null if it cannot be read. */
export function readHours(text: string): Hours[] | null {
  const parts = text.split(/[;\n]/).map((part) => part.trim().toLowerCase()).filter(Boolean);
  const hours = parts.map(readPart);
  return hours.every((one) => one !== null) ? hours : null;
}

function readPart(text: string): Hours | null {
  const found = /^([a-z,\s-]+?)\s+(\d{1,2}:\d{2})\s*(?:-|–|to)\s*(\d{1,2}:\d{2})$/.exec(text);
  if (!found) return null;
  const named = found[1]!.split(',').flatMap((part) => readDays(part.trim()));
  const [from, to] = [pad(found[2]!), pad(found[3]!)];
  if (named.includes(null) || from >= to || to > '24:00') return null;
  return { days: named as string[], from, to };
}

function readDays(text: string): (string | null)[] {
  if (text === 'daily') return [...days];
  const [first, last] = text.split('-').map((day) => days.indexOf(day.trim() as 'mo'));
  if (first === undefined || first < 0) return [null];
  if (last === undefined) return [days[first]!];
  if (last < first) return [null];
  return days.slice(first, last + 1);
}

const pad = (clock: string) => clock.padStart(5, '0');

export function writeHours(hours: Hours[]): string {
  return hours.map(({ days: named, from, to }) => `${writeDays(named)} ${from}-${to}`).join('; ');
}

function writeDays(named: string[]): string {
  const at = named.map((day) => days.indexOf(day as 'mo'));
  const row = at.length > 2 && at.every((day, index) => index === 0 || day === at[index - 1]! + 1);
  return row ? `${named[0]}-${named.at(-1)}` : named.join(',');
}

export interface Requirement {
  all: string[];
  any: string[];
  none: string[];
}

/** One requirement a line: "all passed:MATH20A; none hold:*". null if it cannot be read. */
export function readRequirements(text: string): Requirement[] | null {
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean);
  const read = lines.map((line): Requirement | null => {
    const requirement: Requirement = { all: [], any: [], none: [] };
    for (const part of line.split(';').map((one) => one.trim()).filter(Boolean)) {
      const [how, ...tags] = part.split(/[\s,]+/);
      if ((how !== 'all' && how !== 'any' && how !== 'none') || tags.length === 0) return null;
      requirement[how].push(...tags);
    }
    return requirement;
  });
  return read.every((one) => one !== null) ? read : null;
}

export function writeRequirements(requirements: Requirement[]): string {
  return requirements.map(({ all, any, none }) => [writeTags('all', all), writeTags('any', any), writeTags('none', none)].filter(Boolean).join('; ')).join('\n');
}

function writeTags(how: string, tags: string[]): string {
  return tags.length > 0 ? `${how} ${tags.join(' ')}` : '';
}
