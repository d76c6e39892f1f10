// Rooms and hours on the Find screen: what is shown is said above, what is in hand below; on a phone a list of one day says the same.
import { Button, NativeSelect, Skeleton, Switch } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SearchItem, TimelineRow } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import { Segments } from '../../../components/Segments';
import { toParams, toSearch, useParamsOfAddress } from '../../../lib/address';
import { refusalSentence } from '../../../lib/refusals';
import { LostAnswer, Problem } from '../../../lib/http';
import { viewerZone, writeInterval, writeZone } from '../../../lib/times';
import { addDays, civilDate } from '../../../lib/zoned';
import type { Filters } from '../../search/filters';
import type { Target } from '../../claim/intention';
import type { Choice } from '../choice';
import { useCarry } from '../mutations';
import { useNow, useTimeline } from '../queries';
import { kinds, readSettings, spans, writeSettings, type Settings } from '../settings';
import { cellsOf, columnsOf, heatOf, heatStep, isShared, midnight, shareTaken, stretch, type Axis, type Cell, type Column } from '../timeline';
import { heatWords, nameOf } from '../words';
import { DayList } from './DayList';
import { Grid, type Sizes } from './Grid';
import css from './Grid.module.css';
import { Legend } from './Legend';

const axis_zone_names = 5;

interface Props {
  filters: Filters;
  onFilters: (change: Partial<Filters>) => void;
  onPick: (target: Target) => void;
}

export default function TimelineView({ filters, onFilters, onPick }: Props) {
  const { t, i18n } = useTranslation();
  const params = useParamsOfAddress();
  const navigate = useNavigate();
  const settings = useMemo(() => readSettings(params), [params]);
  const narrow = useMediaQuery('(max-width: 640px)', undefined, { getInitialValueInEffect: false });
  const asList = narrow || params.get('list') === '1';
  const [sight, setSight] = useState({ first: 0, last: 1 });
  const [choice, setChoice] = useState<Choice | null>(null);
  const [zone, setZone] = useState<string | null>(null);
  const onSight = useCallback((first: number, last: number) => setSight({ first, last: Math.max(first + 1, last) }), []);

  const change = (part: Partial<Settings>) => {
    setChoice(null);
    void navigate({
      to: '/',
      search: (old: object) => toSearch(writeSettings({ ...readSettings(toParams({ ...old })), ...part }, toParams({ ...old }))),
      resetScroll: false,
    });
  };
  const goDays = useCallback(
    (by: number) => {
      setChoice(null);
      onFilters({ date: addDays(filters.date, by) });
    },
    [filters.date, onFilters],
  );

  // Until the first answer nobody knows in which zone the rooms are; the day is asked for in the viewer's.
  const shownZone = zone ?? viewerZone;
  const axis: Axis = useMemo(
    () => ({
      date: filters.date,
      days: settings.span === 'day' ? 1 : 7,
      zone: shownZone,
      step_min: 30,
      hours: settings.hours,
    }),
    [filters.date, settings, shownZone],
  );
  const columns = useMemo(() => columnsOf(axis), [axis]);
  const { from, to } = stretch(axis);
  const state = useTimeline({ ...filters, kind: settings.kind, from, to }, sight.first, sight.last);
  const { rows, total } = state;
  const holding = [...rows.values()].some(({ items }) => items.some(({ expires_at }) => expires_at));
  const now = useNow(holding);
  const first = rows.get(0);
  if (first && zone !== commonZone(rows) && sight.first < axis_zone_names) setZone(commonZone(rows));

  const overview = useMemo(() => (settings.span === 'overview' ? overviewOf(columns, now, t) : null), [settings.span, columns, now, t]);
  const days: Column[] = useMemo(() => daysOf(axis), [axis]);
  const sizes: Sizes = useMemo(() => {
    const col = settings.span === 'overview' ? 128 : settings.compact ? 26 : 46;
    return { row: settings.compact ? 34 : 46, col, rail: 190 };
  }, [settings]);
  const shared = [...rows.values()].some(isShared);
  const carry = useCarry(() => state.refresh([...rows.values()].map(({ resource }) => resource.id).slice(0, 50)));

  const intervalOf = ({ from: a, to: b }: Pick<Choice, 'from' | 'to'>) => [columns[a]!.start, columns[b]!.end] as const;

  function pick(row: TimelineRow, start: number, end: number) {
    setChoice(null);
    const { resource, hold_at, epoch, version } = row;
    // What was shown as free is what is asked for; whether it still is, the claim says.
    const item: SearchItem = {
      resource,
      start: new Date(start).toISOString(),
      end: new Date(end).toISOString(),
      free: true,
      reason: null,
      badge: 'open',
      units_free: null,
      owed: 0,
      waiting: 0,
      hold_at,
      epoch,
      version,
    };
    onPick({ item, as_of: state.as_of });
  }

  function chosen(made: Choice) {
    const row = rows.get(made.row);
    if (!row) return;
    if (made.item) {
      setChoice(made);
      return;
    }
    const [start, end] = intervalOf(made);
    const own = row.resource.kind === 'section' || row.resource.kind === 'session' ? row.open?.[0] : null;
    if (own) pick(row, Date.parse(own.start), Date.parse(own.end));
    else pick(row, start, end);
  }

  async function drop(made: Choice) {
    const row = rows.get(made.row);
    if (!row || !made.item) return;
    const [start, end] = intervalOf(made);
    if (!(await carry.move(made.item.id!, row.resource.id, start, end))) return;
    setChoice(null);
    notifications.show({ message: t('timeline.moved'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
  }

  function open(_row: TimelineRow, _cell: Cell, column: Column) {
    if (settings.span !== 'overview') return;
    onFilters({ date: civilDate(column.start + 12 * 3_600_000, shownZone) });
    change({ span: 'day' });
  }

  const inHand = choice && rows.get(choice.row);
  const said = inHand && { name: nameOf(inHand), when: writeInterval(...intervalOf(choice), shownZone, i18n.language) };
  const fits = inHand && choice.item ? fitsAt(cellsOf(inHand, columns, now), choice) : true;

  return (
    <section aria-labelledby="timeline-title" data-testid="timeline">
      <div className={css.bar}>
        <h2 id="timeline-title" tabIndex={-1}>{t('timeline.rooms')}</h2>
        <p className={css.count} role="status">{total === null ? t('common.loading') : t('timeline.count', { count: total })}</p>
        <span className={css.spread} />
        <NativeSelect
          aria-label={t('timeline.kind')}
          size="sm"
          data={kinds.map((kind) => ({ value: kind, label: t(`timeline.kinds.${kind}`) }))}
          value={settings.kind}
          onChange={(event) => change({ kind: kinds.find((kind) => kind === event.currentTarget.value) ?? 'room' })}
        />
        {!asList && (
          <Segments label={t('timeline.span')} value={settings.span} choices={spans.map((span) => ({ value: span, label: t(`timeline.${span}`) }))} onChange={(span) => change({ span })} />
        )}
        <Button.Group>
          <Button variant="default" size="sm" px={10} aria-label={t('timeline.before')} onClick={() => goDays(settings.span === 'day' || asList ? -1 : -7)}><Icon name="left" /></Button>
          <Button variant="default" size="sm" onClick={() => onFilters({ date: civilDate(now, shownZone) })}>{t('timeline.today')}</Button>
          <Button variant="default" size="sm" px={10} aria-label={t('timeline.after')} onClick={() => goDays(settings.span === 'day' || asList ? 1 : 7)}><Icon name="right" /></Button>
        </Button.Group>
      </div>
      {!asList && (
        <div className={css.bar}>
          <Switch label={t('timeline.hours')} checked={settings.hours === 'all'} onChange={(event) => change({ hours: event.currentTarget.checked ? 'all' : 'work' })} />
          <Switch label={t('timeline.compact')} checked={settings.compact} onChange={(event) => change({ compact: event.currentTarget.checked })} />
          <span className={css.spread} />
          <p className={css.count}>{t('timeline.axisZone', { zone: writeZone(from, shownZone, i18n.language) })}</p>
        </div>
      )}
      <p id="timeline-keys" hidden>{t('timeline.keys')}</p>
      {state.error && rows.size === 0 ? (
        <Notice tone="taken" icon="warning" title={t('timeline.trouble')} urgent>
          <p>{state.error instanceof LostAnswer ? t('common.noAnswer') : state.error instanceof Problem ? refusalSentence(t, state.error.body) : t('refusal.other')}</p>
          <Button size="sm" mt="sm" onClick={state.retry}>{t('common.retry')}</Button>
        </Notice>
      ) : total === 0 ? (
        <Notice tone="few" title={t('timeline.none')} />
      ) : total === null ? (
        <Skeleton height={420} radius="lg" aria-label={t('common.loading')} />
      ) : asList ? (
        <DayList rows={rows} columns={columns} now={now} zone={shownZone} onPick={pick} />
      ) : (
        <Grid
          label={t('timeline.rooms')}
          rows={rows}
          total={total}
          columns={settings.span === 'overview' ? days : columns}
          sizes={sizes}
          now={now}
          zone={shownZone}
          overview={overview}
          choice={choice}
          onSight={onSight}
          onChoice={setChoice}
          onChosen={chosen}
          onOpen={open}
          onDays={goDays}
        />
      )}
      {!asList && <Legend shared={shared || settings.span === 'overview'} />}
      <div role="status" aria-live="polite">
        {said && choice && (
          <div className={css.hand} data-testid="timeline-hand">
            <p>{choice.item ? t('timeline.carrying', said) : choice.from === choice.to ? t('timeline.begun', said) : t('timeline.chosen', said)}</p>
            {choice.item && !fits && <Notice tone="few">{t('timeline.doesNotFit')}</Notice>}
            {carry.trouble && choice.item && <Notice tone="taken" urgent title={t('timeline.moveFailed')}>{carry.trouble}</Notice>}
            {choice.item && (
              <>
                <Button variant="default" size="sm" aria-disabled={choice.from === choice.to} onClick={() => choice.to > choice.from && setChoice({ ...choice, to: choice.to - 1 })}>{t('timeline.shorter')}</Button>
                <Button variant="default" size="sm" onClick={() => choice.to + 1 < columns.length && setChoice({ ...choice, to: choice.to + 1 })}>{t('timeline.longer')}</Button>
              </>
            )}
            <Button
              size="sm"
              data-testid={choice.item ? 'timeline-move' : 'timeline-book'}
              aria-disabled={carry.busy || !fits}
              onClick={() => {
                if (carry.busy || !fits) return;
                if (choice.item) void drop(choice);
                else chosen(choice);
              }}
            >
              {choice.item ? t('timeline.moveHere') : t('timeline.book')}
            </Button>
            <Button variant="subtle" size="sm" onClick={() => setChoice(null)}>{t('timeline.giveUp')}</Button>
          </div>
        )}
      </div>
    </section>
  );
}

/** The zone of most of the first rows: the axis is theirs, and a row of another zone says so. */
function commonZone(rows: Map<number, TimelineRow>): string {
  const counts = new Map<string, number>();
  for (const { resource } of rows.values()) counts.set(resource.zone, (counts.get(resource.zone) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 'UTC';
}

function fitsAt(cells: Cell[], { from, to, item }: Choice): boolean {
  return cells.slice(from, to + 1).every((cell) => cell.state === 'free' || (cell.item !== null && cell.item.id === item?.id));
}

function daysOf({ date, days, zone }: Axis): Column[] {
  return Array.from({ length: days }, (_, day) => ({
    start: midnight(addDays(date, day), zone),
    end: midnight(addDays(date, day + 1), zone),
    day,
    clock: '00:00',
  }));
}

/** Each day as one cell: how much of its open hours is taken, or how full it is at its fullest. */
function overviewOf(columns: Column[], now: number, t: ReturnType<typeof useTranslation>['t']) {
  const known = new WeakMap<TimelineRow, Cell[]>();
  return (row: TimelineRow, day: Column) => {
    if (isShared(row)) {
      const heat = heatOf(row, day);
      return { cell: { state: heat.step === 5 ? ('booked' as const) : ('free' as const), item: null }, heat, words: heatWords(t, heat) };
    }
    // What is over counts as it was: the overview tells how a day is used.
    const cells = known.get(row) ?? cellsOf(row, columns, Math.min(now, day.start));
    known.set(row, cells);
    const share = shareTaken(cells.filter((_, at) => columns[at]!.start >= day.start && columns[at]!.end <= day.end));
    if (share === null) return { cell: { state: 'closed' as const, item: null }, heat: null, words: t('timeline.states.closed') };
    const percent = Math.round(share * 100);
    const heat = { used: percent, capacity: 100, waiting: 0, step: heatStep(percent, 100) };
    return { cell: { state: percent >= 100 ? ('booked' as const) : ('free' as const), item: null }, heat, words: percent >= 100 ? t('timeline.full', { waiting: 0 }) : `${percent} %` };
  };
}
