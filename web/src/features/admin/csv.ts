// Tables as RFC 4180 writes them, read with the line each row began on. Knows no column.

export interface Row {
  /** The line in the file, from 1; the head is line 1. */
  line: number;
  cells: Record<string, string>;
}

export interface Table {
  columns: string[];
  rows: Row[];
}

export const rows_max = 2_000;

/** Reads a table with a head. Empty lines count for nothing; what has no comma but semicolons is read by those. */
export function readTable(text: string): Table {
  const lines = readLines(text.replace(/^\uFEFF/, ''));
  const [head, ...rest] = lines;
  const columns = (head?.cells ?? []).map((name) => name.trim().toLowerCase());
  const rows = rest
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
    .map(({ line, cells }) => ({ line, cells: Object.fromEntries(columns.map((name, at) => [name, (cells[at] ?? '').trim()])) }));
  return { columns, rows };
}

function readLines(text: string): { line: number; cells: string[] }[] {
  const head = text.split('\n', 1)[0] ?? '';
  const comma = head.includes(',') || !head.includes(';') ? ',' : ';';
  const lines: { line: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let began = 1;
  const endCell = () => {
    cells.push(cell);
    cell = '';
  };
  const endLine = () => {
    endCell();
    lines.push({ line: began, cells });
    cells = [];
  };
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign === '\n') line += 1;
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (sign === '"' && cell === '') quoted = true;
    else if (sign === comma) endCell();
    else if (sign === '\n') {
      endLine();
      began = line;
    } else if (sign !== '\r') cell += sign;
  }
  if (cell !== '' || cells.length > 0) endLine();
  return lines;
}

/** A table as a spreadsheet opens it; what it would take for a formula begins with an apostrophe. */
export function writeTable(rows: string[][]): string {
  return rows.map((row) => `${row.map(writeCell).join(',')}\r\n`).join('');
}

function writeCell(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
