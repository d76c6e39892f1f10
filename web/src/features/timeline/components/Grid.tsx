// Rooms by hours as an ARIA grid: one tab stop, all keys, drag and two clicks. Only what is in sight is in the page.
// It knows no server: what is chosen is told to whoever shows it.
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { TimelineRow } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { writeClocks, writeShortDay } from '../../../lib/times';
import { usePrinting } from '../../../lib/usePrinting';
import { cellsOf, heatOf, inSight, isShared, joined, nextPlace, reach, runsOf, type Cell, type Column, type Heat, type Place } from '../timeline';
import { nameOf, shortWords, signs, stateWords } from '../words';
import type { Choice } from '../choice';
import css from './Grid.module.css';

export interface Sizes {
  row: number;
  col: number;
  rail: number;
}

/** On paper: what fits in the width of a page, how much of it names take, how high a row is, and how many a page holds. */
const paper = { width: 696, rail: 130, row: 30, rows: 26 };
const head_height = 46;
/** So many rows and columns more on each side, so that no scrolling meets the blank. */
const rows_more = 4;
const columns_more = 4;

interface Props {
  label: string;
  rows: Map<number, TimelineRow>;
  total: number;
  columns: Column[];
  sizes: Sizes;
  now: number;
  zone: string;
  /** Cells of an overview: one for each day. */
  overview: ((row: TimelineRow, column: Column) => { cell: Cell; heat: Heat | null; words: string }) | null;
  choice: Choice | null;
  onSight: (first: number, last: number) => void;
  onChoice: (choice: Choice | null) => void;
  /** The choice is made. */
  onChosen: (choice: Choice) => void;
  onOpen: (row: TimelineRow, cell: Cell, column: Column) => void;
  onDays: (by: number) => void;
}

/** The grid on a screen; on paper all of it, day under day, as large as the page is wide. */
export function Grid(props: Props) {
  const printing = usePrinting();
  return (
    <>
      {/* It stays where it is, so that after printing it is scrolled to where it was. */}
      <div className={printing ? css.behind : undefined}><Board {...props} /></div>
      {printing && <Paper {...props} />}
    </>
  );
}

function Board(props: Props) {
  const { label, rows, total, columns, sizes, now, zone, overview, choice, onSight, onChoice, onChosen, onOpen, onDays } = props;
  const { t, i18n } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, left: 0, width: 1200, height: 600 });
  const [active, setActive] = useState<Place>({ row: 0, col: 0 });
  const pressed = useRef<{ row: number; col: number; moved: boolean; edge: boolean } | null>(null);
  const at: Place = { row: Math.min(active.row, Math.max(0, total - 1)), col: Math.min(active.col, columns.length - 1) };

  const tall = inSight(view.top, view.height - head_height, sizes.row, total, rows_more);
  const wide = inSight(view.left, view.width - sizes.rail, sizes.col, columns.length, columns_more);
  useEffect(() => onSight(tall.from, tall.to), [onSight, tall.from, tall.to]);

  useLayoutEffect(() => {
    const box = scroller.current!;
    const measure = () => setView({ top: box.scrollTop, left: box.scrollLeft, width: box.clientWidth, height: box.clientHeight });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    return () => watch.disconnect();
  }, []);

  // The day begins at eight, or now if it is later: the night before is a scroll away.
  const first = columns[0]?.start;
  useLayoutEffect(() => {
    const from = columns.findIndex(({ start, end, day, clock }) => (start <= now && now < end) || (day === 0 && clock >= '08:00'));
    scroller.current!.scrollLeft = Math.max(0, from) * sizes.col;
    setActive((old) => ({ row: old.row, col: Math.max(0, from) }));
    // oxlint-disable-next-line react/exhaustive-deps -- only when other days are shown, not as time goes by
  }, [first, columns.length, sizes.col]);

  const cells = useCells(columns, now);
  const whens = useMemo(
    () =>
      columns.map(({ start, end }) => {
        const day = writeShortDay(start, zone, i18n.language);
        return overview ? day : `${day} ${writeClocks(start, end, zone, i18n.language)}`;
      }),
    [columns, zone, i18n.language, overview],
  );
  const rowAt = (row: number) => rows.get(row);
  const cellAt = ({ row, col }: Place): Cell | null => {
    const found = rowAt(row);
    return found ? (overview ? overview(found, columns[col]!).cell : cells(found)[col]!) : null;
  };

  /** Never under the head or the names, which stay in place. */
  const show = useCallback(
    ({ row, col }: Place) => {
      const box = scroller.current!;
      const [top, left] = [row * sizes.row, col * sizes.col];
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + sizes.row > box.scrollTop + box.clientHeight - head_height) box.scrollTop = top + sizes.row - box.clientHeight + head_height;
      if (left < box.scrollLeft) box.scrollLeft = left;
      else if (left + sizes.col > box.scrollLeft + box.clientWidth - sizes.rail) box.scrollLeft = left + sizes.col - box.clientWidth + sizes.rail;
    },
    [sizes],
  );

  function go(place: Place) {
    setActive(place);
    show(place);
  }

  /** A booking is carried to where it is dropped: over what is free, or over itself. */
  function carried(from: Choice, row: number, start: number, length: number): Choice {
    const last = Math.min(columns.length - 1, start + length - 1);
    return { ...from, row, from: Math.max(0, last - length + 1), to: last };
  }

  function begin(place: Place): Choice | null {
    const cell = cellAt(place);
    const row = rowAt(place.row);
    if (!cell || !row || overview) return null;
    if (cell.state === 'mine' && cell.item?.kind === 'booking' && !isShared(row)) {
      const all = cells(row);
      const from = all.findIndex(({ item }) => item === cell.item);
      const to = all.findLastIndex(({ item }) => item === cell.item);
      return { row: place.row, from, to, item: cell.item, grip: place.col - from, source: place.row };
    }
    if (cell.state !== 'free') return null;
    return { row: place.row, from: place.col, to: place.col, anchor: place.col, item: null };
  }

  function extend(from: Choice, col: number): Choice {
    const row = rowAt(from.row);
    if (!row || from.anchor === undefined) return from;
    const to = reach(cells(row), columns, from.anchor, col);
    return { ...from, from: Math.min(from.anchor, to), to: Math.max(from.anchor, to) };
  }

  function keyDown(event: KeyboardEvent) {
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    if (altKey || columns.length === 0 || total === 0) return;
    if (key === 'Escape' && choice) {
      event.preventDefault();
      event.stopPropagation();
      onChoice(null);
      return;
    }
    if (key === 'Enter' || key === ' ') {
      event.preventDefault();
      act(at);
      return;
    }
    if (!shiftKey && !ctrlKey && !metaKey && key === 't') {
      event.preventDefault();
      const col = columns.findIndex(({ start, end }) => start <= now && now < end);
      if (col >= 0) go({ row: at.row, col });
      return;
    }
    const next = nextPlace(at, key, ctrlKey || metaKey, { rows: total, columns });
    if (!next) return;
    event.preventDefault();
    if (next.days) return onDays(next.days);
    const by = next.col - at.col;
    if (choice?.item) {
      const length = choice.to - choice.from + 1;
      const changed =
        shiftKey && by !== 0
          ? { ...choice, to: Math.max(choice.from, Math.min(columns.length - 1, choice.to + by)) }
          : carried(choice, next.row, choice.from + by, length);
      onChoice(changed);
      go({ row: changed.row, col: shiftKey ? changed.to : changed.from });
      return;
    }
    if (shiftKey && by !== 0) {
      const begun = choice ?? begin(at);
      if (begun && !begun.item) {
        const further = extend(begun, next.col);
        onChoice(further);
        return go({ row: further.row, col: next.col < (further.anchor ?? 0) ? further.from : further.to });
      }
    }
    if (choice && next.row === choice.row) onChoice(extend(choice, next.col));
    go(next);
  }

  /** Enter, or a click that was no drag. */
  function act(place: Place) {
    const row = rowAt(place.row);
    const cell = cellAt(place);
    if (!row || !cell) return;
    if (choice?.item) return onChosen(choice);
    if (choice && choice.row === place.row && place.col >= choice.from) return onChosen(extend(choice, place.col));
    if (choice && choice.row === place.row) return onChosen(extend(choice, place.col));
    const begun = begin(place);
    if (begun) onChoice(begun);
    else onOpen(row, cell, columns[place.col]!);
  }

  function placeOf(event: PointerEvent): (Place & { edge: boolean }) | null {
    const box = scroller.current!.getBoundingClientRect();
    const x = event.clientX - box.left - sizes.rail;
    const y = event.clientY - box.top - head_height;
    if (x < 0 || y < 0) return null;
    const col = Math.floor((x + view.left) / sizes.col);
    const row = Math.floor((y + view.top) / sizes.row);
    if (row >= total || col >= columns.length) return null;
    return { row, col, edge: (x + view.left) % sizes.col > sizes.col - 12 };
  }

  function pointerDown(event: PointerEvent) {
    const place = placeOf(event);
    if (!place || event.button !== 0) return;
    setActive(place);
    // A finger scrolls; it chooses by two taps.
    pressed.current = { ...place, moved: false };
    if (event.pointerType !== 'mouse' || overview || choice) return;
    const begun = begin(place);
    if (begun?.item) return;
    if (begun) (event.currentTarget as Element).setPointerCapture(event.pointerId);
  }

  function pointerMove(event: PointerEvent) {
    const from = pressed.current;
    if (!from || event.pointerType !== 'mouse' || overview || event.buttons !== 1) return;
    const place = placeOf(event);
    if (!place || (!from.moved && place.col === from.col && place.row === from.row)) return;
    const begun = from.moved ? choice : begin(from);
    from.moved = true;
    if (!begun) return;
    if (!begun.item) return onChoice(extend(begun, place.col));
    const length = begun.to - begun.from + 1;
    // Its last edge is drawn out, anything else of it is carried away.
    if (from.edge && begun.source === from.row && from.col === begun.from + (begun.grip ?? 0)) {
      const source = cells(rowAt(from.row)!).findLastIndex(({ item }) => item === begun.item);
      if (from.col === source) return onChoice({ ...begun, to: Math.max(begun.from, place.col) });
    }
    onChoice(carried(begun, place.row, place.col - (begun.grip ?? 0), length));
  }

  function pointerUp(event: PointerEvent) {
    const from = pressed.current;
    pressed.current = null;
    if (!from) return;
    if (from.moved && choice) return onChosen(choice);
    if (from.moved) return;
    const place = placeOf(event);
    if (!place) return;
    if (choice?.item && rowAt(place.row)) {
      const length = choice.to - choice.from + 1;
      return onChosen(carried(choice, place.row, place.col, length));
    }
    act(place);
  }

  const rendered = at.row >= tall.from && at.row < tall.to && at.col >= wide.from && at.col < wide.to;
  const shown = Array.from({ length: tall.to - tall.from }, (_, index) => tall.from + index);
  const nowCol = columns.findIndex(({ start, end }) => start <= now && now < end);
  const nowLeft = nowCol < 0 ? null : (nowCol + (now - columns[nowCol]!.start) / (columns[nowCol]!.end - columns[nowCol]!.start)) * sizes.col;

  return (
    <div
      ref={scroller}
      className={css.scroller}
      role="grid"
      dir="ltr"
      tabIndex={0}
      aria-label={label}
      data-narrow={sizes.col < 40}
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={rendered && total > 0 ? cellId(at) : undefined}
      aria-describedby="timeline-keys"
      data-testid="timeline-grid"
      onKeyDown={keyDown}
      onPointerDown={pointerDown}
      onPointerMove={pointerMove}
      onPointerUp={pointerUp}
      onScroll={(event) => {
        const { scrollTop, scrollLeft, clientWidth, clientHeight } = event.currentTarget;
        setView({ top: scrollTop, left: scrollLeft, width: clientWidth, height: clientHeight });
      }}
    >
      <div className={css.canvas} role="presentation" style={{ width: sizes.rail + columns.length * sizes.col, height: head_height + total * sizes.row }}>
        <div role="row" aria-rowindex={1} className={css.head} style={{ height: head_height }}>
          <div role="columnheader" aria-colindex={1} className={css.corner} style={{ width: sizes.rail }}>
            {!overview && columns.length > 0 && <b>{writeShortDay(columns[Math.min(columns.length - 1, Math.floor(view.left / sizes.col))]!.start, zone, i18n.language)}</b>}
            {t('timeline.name')}
          </div>
          {columns.slice(wide.from, wide.to).map((column, index) => (
            <div
              key={column.start}
              role="columnheader"
              aria-colindex={wide.from + index + 2}
              className={css.hour}
              data-hour={column.clock.endsWith(':00') || overview !== null}
              data-day={wide.from + index === 0 || columns[wide.from + index - 1]!.day !== column.day}
              style={{ insetInlineStart: sizes.rail + (wide.from + index) * sizes.col, width: sizes.col }}
            >
              {(overview || (wide.from + index > 0 && columns[wide.from + index - 1]!.day !== column.day)) && (
                <span className={css.date}>{writeShortDay(column.start, zone, i18n.language)}</span>
              )}
              {!overview && <span className={css.clock}>{column.clock.endsWith(':00') ? (sizes.col < 40 ? column.clock.slice(0, 2) : column.clock) : <small>{sizes.col < 40 ? column.clock.slice(2) : column.clock}</small>}</span>}
            </div>
          ))}
        </div>
        {shown.map((index) => {
          const row = rowAt(index);
          const top = head_height + index * sizes.row;
          if (!row) return <Waiting key={index} index={index} top={top} sizes={sizes} words={t('timeline.loadingRow')} />;
          return (
            <Row
              key={index}
              row={row}
              index={index}
              top={top}
              sizes={sizes}
              columns={columns}
              from={wide.from}
              to={wide.to}
              cells={overview ? null : cells(row)}
              overview={overview}
              now={now}
              zone={zone}
              whens={whens}
              active={at.row === index ? at.col : -1}
              chosen={choice && choice.row === index ? choice : null}
            />
          );
        })}
        {nowLeft !== null && !overview && (
          <div className={css.now} style={{ insetInlineStart: sizes.rail + nowLeft, top: head_height }} aria-hidden="true">
            <span>{t('timeline.now')}</span>
          </div>
        )}
      </div>
    </div>
  );
}

/** Paper does not scroll: all that has been read stands there, from the first row on, a day in the width of a page. */
function Paper({ label, rows, columns, now, zone, overview }: Props) {
  const { t, i18n } = useTranslation();
  const listed = Array.from({ length: readFromFirst(rows) }, (_, index) => rows.get(index)!);
  const days = overview ? [columns] : [...new Set(columns.map(({ day }) => day))].map((one) => columns.filter(({ day }) => day === one));
  return days.map((day) => {
    const cells = rememberCells(day, now);
    const sizes = { row: paper.row, rail: paper.rail, col: (paper.width - paper.rail) / day.length };
    const title = writeShortDay(day[0]!.start, zone, i18n.language);
    return (
      <section key={day[0]!.start} className={css.page} data-fits={listed.length <= paper.rows} data-testid="timeline-paper" aria-label={overview ? label : title} dir="ltr">
        {!overview && <h3>{title}</h3>}
        <div role="grid" aria-label={label} className={css.sheet} aria-colcount={day.length + 1}>
          <div role="row" className={css.hours}>
            <div role="columnheader" style={{ width: sizes.rail }}>{t('timeline.name')}</div>
            {day.map((column) => (
              <div key={column.start} role="columnheader" style={{ width: sizes.col }}>
                {overview ? writeShortDay(column.start, zone, i18n.language) : column.clock.endsWith(':00') && <span>{column.clock}</span>}
              </div>
            ))}
          </div>
          {listed.map((row, index) => (
            <Row
              key={row.resource.id}
              row={row}
              index={index}
              top={0}
              sizes={sizes}
              columns={day}
              from={0}
              to={day.length}
              cells={overview ? null : cells(row)}
              overview={overview}
              now={now}
              zone={zone}
              whens={day.map(({ start, end }) => (overview ? '' : writeClocks(start, end, zone, i18n.language)))}
              active={-1}
              chosen={null}
            />
          ))}
        </div>
      </section>
    );
  });
}

function cellId({ row, col }: Place): string {
  return `cell-${row}-${col}`;
}

/** The cells of a row are worked out once for each row, minute and axis. */
function useCells(columns: Column[], now: number): (row: TimelineRow) => Cell[] {
  return useMemo(() => rememberCells(columns, now), [columns, now]);
}

function rememberCells(columns: Column[], now: number): (row: TimelineRow) => Cell[] {
  const known = new WeakMap<TimelineRow, Cell[]>();
  return (row) => {
    const found = known.get(row) ?? cellsOf(row, columns, now);
    known.set(row, found);
    return found;
  };
}

function Waiting({ index, top, sizes, words }: { index: number; top: number; sizes: Sizes; words: string }) {
  return (
    <div role="row" aria-rowindex={index + 2} className={css.row} style={{ top, height: sizes.row }}>
      <div role="rowheader" aria-colindex={1} className={css.name} style={{ width: sizes.rail }} aria-label={words}>
        <span className={css.skeleton} />
      </div>
    </div>
  );
}

interface RowProps {
  row: TimelineRow;
  index: number;
  top: number;
  sizes: Sizes;
  columns: Column[];
  from: number;
  to: number;
  cells: Cell[] | null;
  overview: Props['overview'];
  now: number;
  zone: string;
  whens: string[];
  active: number;
  chosen: Choice | null;
}

const Row = memo(function Row({ row, index, top, sizes, columns, from, to, cells, overview, now, zone, whens, active, chosen }: RowProps) {
  const { t } = useTranslation();
  const { resource } = row;
  const shared = isShared(row);
  const runs = useMemo(() => (cells ? runsOf(cells, columns) : null), [cells, columns]);
  const starts = useMemo(() => firstOfRuns(runs, columns.length), [runs, columns.length]);
  const facts = [resource.seats === null ? null : t('timeline.seats', { count: resource.seats }), resource.approval ? t('card.approval') : null, resource.zone === zone ? null : t('timeline.otherZone', { zone: resource.zone })];
  const parts = [];
  for (let col = from; col < to; col += 1) {
    const column = columns[col]!;
    const seen = overview ? overview(row, column) : null;
    const cell = seen?.cell ?? cells![col]!;
    const heat = seen ? seen.heat : shared && ['free', 'booked', 'mine', 'holding'].includes(cell.state) ? heatOf(row, column) : null;
    const words = seen?.words ?? stateWords(t, cell, heat, now);
    const when = whens[col]!;
    const begins = overview !== null || starts[col] === col;
    // What began out of sight is named where it comes into sight.
    const labelled = begins || col === from;
    const length = overview ? 1 : starts[col]! + (runs!.get(starts[col]!) ?? 1) - col;
    const sign = heat && cell.state !== 'mine' ? null : signs[cell.state];
    const short = seen ? seen.words : shared && heat && !sameHeat(row, columns, col, from) ? shortWords(t, cell, heat, now) : heat ? '' : shortWords(t, cell, null, now);
    parts.push(
      <div
        key={column.start}
        id={cellId({ row: index, col })}
        role="gridcell"
        aria-colindex={col + 2}
        aria-label={t('timeline.cell', { name: nameOf(row), when, state: words })}
        aria-selected={chosen !== null && col >= chosen.from && col <= chosen.to}
        className={css.cell}
        data-state={cell.state}
        data-heat={heat?.step}
        data-first={begins}
        data-hour={column.clock.endsWith(':00')}
        data-active={active === col}
        style={{ insetInlineStart: sizes.rail + col * sizes.col, width: sizes.col }}
      >
        {cell.state !== 'free' || heat
          ? (labelled || (heat && short)) && (
              <span className={css.words} style={{ width: Math.max(1, heat && !overview ? 1 : length) * sizes.col - 4 }} aria-hidden="true">
                {sign && <Icon name={sign} size={13} />}
                {(length > 1 || heat || overview) && <span>{short}</span>}
              </span>
            )
          : null}
      </div>,
    );
  }
  return (
    <div role="row" aria-rowindex={index + 2} className={css.row} style={{ top, height: sizes.row }} data-resource={resource.id}>
      <div role="rowheader" aria-colindex={1} className={css.name} style={{ width: sizes.rail }} title={nameOf(row)}>
        <b>{resource.name}</b>
        <small>{[resource.building, ...facts].filter(Boolean).join(' · ')}</small>
      </div>
      {parts}
      {chosen && (
        <div
          className={css.chosen}
          data-carried={chosen.item !== null}
          style={{ insetInlineStart: sizes.rail + chosen.from * sizes.col, width: (chosen.to - chosen.from + 1) * sizes.col }}
          aria-hidden="true"
        />
      )}
    </div>
  );
});

/** How many rows in a row have been read, from the first on. */
function readFromFirst(rows: Map<number, TimelineRow>): number {
  let count = 0;
  while (rows.has(count)) count += 1;
  return count;
}

/** For each column the first one of its run. */
function firstOfRuns(runs: Map<number, number> | null, count: number): number[] {
  const starts = Array.from({ length: count }, (_, index) => index);
  for (const [first, length] of runs ?? []) starts.fill(first, first, first + length);
  return starts;
}

function sameHeat(row: TimelineRow, columns: Column[], col: number, from: number): boolean {
  if (col === from || !joined(columns, col - 1, col)) return false;
  const [a, b] = [heatOf(row, columns[col - 1]!), heatOf(row, columns[col]!)];
  return a.used === b.used && a.waiting === b.waiting;
}
