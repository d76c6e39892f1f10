// Tables of resources and of closed days: seen first as counts and wrong lines, then carried out with a bar, line by line.
import { Button, Checkbox, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Displacement, Resource } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { Segments } from '../../../components/Segments';
import { download } from '../../../lib/download';
import { ask } from '../../../lib/http';
import { civilDate, civilTime } from '../../../lib/zoned';
import { closing_columns, planClosings, planResources, resource_columns, type Closing, type Plan, type Wrong } from '../bulk';
import { readTable, rows_max, writeTable } from '../csv';
import { readAllResources } from '../queries';
import { run, type Job, type JobEnd, type Running } from '../run';
import css from './Admin.module.css';

type What = 'resources' | 'closings';
const wrong_shown = 20;
const ends_shown = 100;

interface Closed {
  closing: Closing;
  resource: Resource;
  seen: Displacement | null;
}

interface DryRun {
  counts: Record<string, number>;
  wrong: Wrong[];
  first: Job[];
  rest: Job[];
}

export default function BulkPage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [what, setWhat] = useState<What>('resources');
  const [text, setText] = useState('');
  const [displace, setDisplace] = useState(false);
  const [looking, setLooking] = useState<number | null>(null);
  const [dry, setDry] = useState<DryRun | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [ends, setEnds] = useState<JobEnd[] | null>(null);
  const [busy, setBusy] = useState(false);
  const running = useRef<Running | null>(null);
  const columns = what === 'resources' ? resource_columns : closing_columns;
  const total = dry ? dry.first.length + dry.rest.length : 0;
  const bad = ends?.filter(({ end }) => end !== 'done') ?? [];
  const blocks = ends?.flatMap((one) => (one.end === 'done' && one.answer?.block ? [{ ...one, block: one.answer.block }] : [])) ?? [];

  const reset = () => {
    setDry(null);
    setEnds(null);
    setTrouble(null);
  };

  async function look() {
    reset();
    setLooking(0);
    try {
      const table = readTable(text);
      if (table.rows.length > rows_max) return setTrouble(t('admin.bulk.tooMany', { most: rows_max }));
      if (table.rows.length === 0) return setTrouble(t('admin.bulk.empty'));
      const known = await readAllResources();
      setDry(what === 'resources' ? ofResources(planResources(table, known), t('admin.bulk.reason')) : await ofClosings(planClosings(table, known), displace, setLooking));
    } catch {
      setTrouble(t('common.noAnswer'));
    } finally {
      setLooking(null);
    }
  }

  async function go(first: Job[], rest: Job[]) {
    if (busy) return;
    setBusy(true);
    setEnds([]);
    running.current = run(first, rest, setEnds);
    await running.current.ended;
    running.current = null;
    setBusy(false);
    await queries.invalidateQueries();
  }

  return (
    <Page title={t('admin.ways.bulk')} aside={<Segments label={t('admin.bulk.what')} value={what} choices={(['resources', 'closings'] as const).map((one) => ({ value: one, label: t(`admin.bulk.${one}`) }))} onChange={(one) => { setWhat(one); setText(''); reset(); }} />}>
      <div className={css.cards}>
        <section className={`panel ${css.card}`}>
          <p className={css.hint}>{t(`admin.bulk.${what}Hint`)} <span className={css.id}>{columns.join(',')}</span></p>
          <label>
            <span className={css.soft}>{t('admin.bulk.file')}</span>
            <input
              className={css.file}
              type="file"
              accept=".csv,text/csv,text/plain"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                if (file) void file.text().then((read) => { setText(read); reset(); });
              }}
            />
          </label>
          <Textarea mt="md" rows={6} label={t('admin.bulk.paste')} value={text} styles={{ input: { fontFamily: 'ui-monospace, Consolas, monospace', fontSize: 13 } }} onChange={(event) => { setText(event.currentTarget.value); reset(); }} />
          {what === 'closings' && <Checkbox mt="md" label={t('admin.bulk.displace')} checked={displace} onChange={(event) => { setDisplace(event.currentTarget.checked); reset(); }} />}
          <div className={css.foot}>
            <Button variant="default" loading={looking !== null} aria-disabled={!text.trim()} data-testid="bulk-dry" onClick={() => text.trim() && void look()}>{t('admin.bulk.dry')}</Button>
            {looking !== null && looking > 0 && <span className={css.soft} role="status">{t('admin.bulk.looked', { count: looking })}</span>}
          </div>
          {trouble && <Notice tone="taken" urgent title={trouble} />}
        </section>

        {dry && (
          <section className={`panel ${css.card}`} aria-label={t('admin.bulk.dry')} data-testid="bulk-result">
            <p role="status" style={{ margin: '0 0 10px', fontWeight: 620 }} data-testid="bulk-counts">
              {Object.entries(dry.counts).map(([name, count]) => t(`admin.bulk.count.${name}`, { count })).join(' · ')}
            </p>
            {dry.wrong.length > 0 && (
              <Notice tone="taken" icon="warning" urgent title={t('admin.bulk.wrong', { count: dry.wrong.length })}>
                <ul data-testid="bulk-wrong">
                  {dry.wrong.slice(0, wrong_shown).map(({ line, column, what: fault }) => (
                    <li key={`${line} ${column} ${fault}`}>{t('admin.bulk.line', { line, column, what: t(`admin.wrong.${fault}`) })}</li>
                  ))}
                </ul>
              </Notice>
            )}
            {!ends && (
              <div className={css.foot}>
                <Button aria-disabled={dry.wrong.length > 0 || total === 0} data-testid="bulk-go" onClick={() => dry.wrong.length === 0 && total > 0 && void go(dry.first, dry.rest)}>
                  {t(`admin.bulk.go.${what}`, { count: total })}
                </Button>
              </div>
            )}
            {ends && (
              <div className={css.cards} style={{ marginTop: 14 }}>
                <progress className={css.progress} max={Math.max(1, total)} value={ends.length} aria-label={t('admin.bulk.progress')} />
                <p role="status" style={{ margin: 0 }} data-testid="bulk-progress">{t('admin.bulk.done', { done: ends.length - bad.length, total, bad: bad.length })}</p>
                <div className={css.row}>
                  {busy && <Button variant="default" onClick={() => running.current?.stop()}>{t('admin.bulk.stop')}</Button>}
                  {!busy && (
                    <Button variant="default" onClick={() => download('result.csv', 'text/csv', writeTable([['line', 'name', 'result', 'code', 'detail'], ...ends.map((one) => [String(one.job.line), one.job.name, one.end, one.end === 'done' ? '' : one.code, one.end === 'done' ? '' : one.detail])]))}>
                      {t('admin.bulk.result')}
                    </Button>
                  )}
                  {!busy && blocks.length > 0 && (
                    <Button
                      variant="default"
                      onClick={() => {
                        const undo = blocks.map(({ job, answer, block }): Job => ({
                          line: job.line,
                          name: job.name,
                          wish: async () => {
                            const id = answer!.versions[0]!.resource;
                            const { policy_version } = await ask<Resource>(`/api/resources/${id}`);
                            return { path: `/api/resources/${id}/blocks/${block.id}/remove`, body: { reason: t('admin.bulk.undone') }, ifMatch: policy_version };
                          },
                        }));
                        setDry({ ...dry, first: [], rest: undo });
                        void go([], undo);
                      }}
                    >
                      {t('admin.bulk.undo', { count: blocks.length })}
                    </Button>
                  )}
                </div>
                {bad.length > 0 && (
                  <ul className={css.diff} aria-label={t('admin.bulk.bad', { count: bad.length })}>
                    {bad.slice(0, ends_shown).map((one) => (
                      <li key={`${one.job.line} ${one.job.name}`}>
                        <b>{one.job.name}</b>
                        <span>{one.end !== 'done' && (one.detail || one.code)}</span>
                      </li>
                    ))}
                  </ul>
                )}
              </div>
            )}
          </section>
        )}
      </div>
    </Page>
  );
}

function ofResources({ steps, wrong }: Plan, reason: string): DryRun {
  const counts: Record<string, number> = { make: 0, change: 0, same: 0 };
  for (const step of steps) counts[step.do]! += 1;
  const made = new Map<string, string>();
  const [first, rest]: [Job[], Job[]] = [[], []];
  for (const step of steps) {
    if (step.do === 'same') continue;
    const { line, name } = step;
    if (step.do === 'make') {
      const isGroup = step.body.kind === 'group';
      const wish = () => {
        const group = step.groupName ? made.get(step.groupName) : undefined;
        return { path: '/api/resources', body: { ...step.body, ...(group ? { group } : {}) } };
      };
      // What joins a group that the table makes knows its id once it is made.
      if (isGroup) first.push({ line, name, wish, told: (answer) => void (answer?.resource && made.set(name, answer.resource.id)) });
      else rest.push({ line, name, wish });
      continue;
    }
    const edited = Object.keys(step.body).length > 0;
    const path = `/api/resources/${step.id}`;
    if (edited) rest.push({ line, name, wish: () => ({ path, method: 'PATCH', body: step.body, ifMatch: step.policy_version }) });
    if (step.capacity !== undefined) {
      // An edit before it has raised the version: what is true then is read first.
      rest.push({
        line,
        name,
        wish: async () => {
          const now = await ask<Resource>(path);
          return now.capacity === step.capacity ? null : { path: `${path}/capacity`, body: { to: step.capacity, reason }, ifMatch: now.policy_version };
        },
      });
    }
  }
  return { counts, wrong, first, rest };
}

async function ofClosings({ closings, wrong }: { closings: Closing[]; wrong: Wrong[] }, displace: boolean, tell: (looked: number) => void): Promise<DryRun> {
  const all: Closed[] = closings.flatMap((closing) => closing.resources.map((resource) => ({ closing, resource, seen: null })));
  const fresh = all.filter(({ closing, resource }) => !isClosed(resource, closing));
  const counts = { close: fresh.length, same: all.length - fresh.length, displaced: 0, above: 0 };
  if (all.length > rows_max) return { counts, wrong: [...wrong, { line: 1, column: '–', what: 'unknown' }], first: [], rest: [] };
  let looked = 0;
  const left = [...fresh];
  const lookAt = async () => {
    for (let one = left.shift(); one; one = left.shift()) {
      one.seen = await ask<Displacement>(`/api/resources/${one.resource.id}/displacement-preview`, { method: 'POST', body: { block: { start: one.closing.start, end: one.closing.end } } });
      looked += 1;
      tell(looked);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lookAt));
  for (const { seen } of fresh) {
    counts.displaced += seen?.displaces.length ?? 0;
    if (seen && seen.displaces.length > 0) counts.above += 1;
  }
  const rest = fresh
    .filter(({ seen }) => displace || (seen?.displaces.length ?? 0) === 0)
    .map(({ closing, resource, seen }): Job => ({
      line: closing.line,
      name: `${resource.name}, ${closing.start.slice(0, 10)}`,
      wish: async () => {
        // Two closings of one resource: the first has raised its version.
        const now = await ask<Resource>(`/api/resources/${resource.id}`);
        const displaces = displace && seen && seen.displaces.length > 0 ? { displaces: seen.displaces } : {};
        return { path: `/api/resources/${resource.id}/blocks`, body: { start: closing.start, end: closing.end, reason: closing.reason, over_holds: true, ...displaces }, ifMatch: now.policy_version };
      },
    }));
  return { counts, wrong, first: [], rest };
}

function isClosed({ blocks, zone }: Resource, { start, end }: Closing): boolean {
  const civil = (at: string) => `${civilDate(Date.parse(at), zone)}T${civilTime(Date.parse(at), zone)}`;
  return blocks.some((block) => civil(block.start) <= start && civil(block.end) >= end);
}
