// Who there is and what they may do; what is known of one of them; and a table that brings many in at once.
import { Button, Skeleton, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Facts, Imported, PersonListed } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { Sheet } from '../../../components/Sheet';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { useMay } from '../may';
import { useFacts, usePeople } from '../queries';
import css from './Admin.module.css';
import { Unread } from './Trouble';

export default function PeoplePage() {
  const { t } = useTranslation();
  const [typed, setTyped] = useState('');
  const [q, setQ] = useState('');
  const [open, setOpen] = useState<PersonListed | null>(null);
  const [importing, setImporting] = useState(false);
  const found = usePeople(q);
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const { all } = useMay();
  return (
    <Page title={t('admin.ways.people')} aside={all && <Button onClick={() => setImporting(true)}>{t('admin.people.import')}</Button>}>
      <form className={css.tools} role="search" onSubmit={(event) => { event.preventDefault(); setQ(typed); }}>
        <TextInput label={t('admin.search')} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
        <Button type="submit" variant="default">{t('admin.find')}</Button>
      </form>
      <Unread error={found.error} />
      {found.isPending && <Skeleton height={320} radius="lg" aria-label={t('common.loading')} />}
      {found.isSuccess && items.length === 0 && <Notice tone="few" title={t('admin.people.none')} />}
      {items.length > 0 && (
        <div className={css.scroll}>
          <table className={css.table} data-testid="people">
            <thead>
              <tr>
                <th scope="col">{t('admin.field.name')}</th>
                <th scope="col">{t('admin.people.title')}</th>
                <th scope="col">{t('admin.people.role')}</th>
                <th scope="col">{t('admin.people.email')}</th>
                <th scope="col">{t('admin.people.external')}</th>
                <th scope="col">{t('admin.people.facts')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id} data-person={one.id}>
                  <td><b>{one.name}</b></td>
                  <td data-name={t('admin.people.title')}>{one.title}</td>
                  <td data-name={t('admin.people.role')}>{one.role ? t(`admin.role.${one.role}`, { defaultValue: one.role }) : '–'}</td>
                  <td data-name={t('admin.people.email')}>{one.email ?? '–'}</td>
                  <td data-name={t('admin.people.external')}>{one.external_id ?? '–'}</td>
                  <td><Button variant="subtle" size="compact-sm" aria-label={`${t('admin.people.open')}: ${one.name}`} onClick={() => setOpen(one)}>{t('admin.people.open')}</Button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {open && <Known person={open} may={all} onClose={() => setOpen(null)} />}
      {importing && <Import onClose={() => setImporting(false)} />}
    </Page>
  );
}

/** Their tags, one a line; saved against the version that was read. */
function Known({ person, may, onClose }: { person: PersonListed; may: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const facts = useFacts(person.id);
  const [typed, setTyped] = useState<string | null>(null);
  const [base, setBase] = useState<Facts | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const opened = base ?? facts.data ?? null;
  const text = typed ?? opened?.tags.join('\n') ?? '';

  async function save() {
    if (!opened || busy) return;
    setBusy(true);
    setTrouble(null);
    const tags = [...new Set(text.split(/\s*\n\s*/).filter(Boolean))];
    try {
      await ask(`/api/people/${person.id}/facts`, { method: 'PUT', body: { tags, allowances: opened.allowances }, ifMatch: opened.version });
      await queries.invalidateQueries({ queryKey: ['admin', 'facts', person.id] });
      onClose();
    } catch (cause) {
      if (cause instanceof Problem && cause.status === 412) {
        // Both sides are kept in sight: theirs is read, mine stays as typed.
        const theirs = await ask<Facts>(`/api/people/${person.id}/facts`).catch(() => null);
        setTrouble(t('admin.people.stale', { tags: theirs?.tags.join(', ') || t('admin.nothing') }));
        setBase(theirs);
        setTyped(text);
      } else setTrouble(cause instanceof Problem ? refusalSentence(t, cause.body) : t('common.noAnswer'));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Sheet onClose={onClose} title={person.name} testId="person-facts">
      <div className={css.cards}>
        {may && <p className={css.hint}>{t('admin.people.tagsHint')}</p>}
        <Unread error={facts.error} />
        <Textarea rows={6} label={t(may ? 'admin.people.tags' : 'admin.people.open')} value={text} disabled={!opened} readOnly={!may} onChange={(event) => { setBase(opened); setTyped(event.currentTarget.value); }} />
        {trouble && <Notice tone="taken" urgent title={trouble} />}
        {may && <Button loading={busy} aria-disabled={!opened || typed === null} onClick={() => typed !== null && void save()}>{t('admin.people.save', { name: person.name })}</Button>}
      </div>
    </Sheet>
  );
}

function Import({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [csv, setCsv] = useState('');
  const [seen, setSeen] = useState<Imported | null>(null);
  const [trouble, setTrouble] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);

  async function send(dry_run: boolean) {
    setBusy(true);
    setTrouble(null);
    try {
      const answer = await ask<Imported>('/api/people/import', { method: 'POST', body: { csv, dry_run } });
      setSeen(answer);
      if (!dry_run) await queries.invalidateQueries({ queryKey: ['admin', 'people'] });
    } catch (cause) {
      setSeen(null);
      if (cause instanceof Problem) setTrouble(cause.body.errors?.length ? cause.body.errors.map((one) => one.detail) : [refusalSentence(t, cause.body)]);
      else setTrouble([cause instanceof LostAnswer ? t('common.noAnswer') : t('refusal.other')]);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Sheet onClose={onClose} title={t('admin.people.import')} size={640} testId="import-people">
      <div className={css.cards}>
        <p className={css.hint}>{t('admin.people.importHint')} <span className={css.id}>external_id,name,title,email,role,tags</span></p>
        <label>
          <span className={css.soft}>{t('admin.bulk.file')}</span>
          <input className={css.file} type="file" accept=".csv,text/csv,text/plain" onChange={(event) => { const file = event.currentTarget.files?.[0]; if (file) void file.text().then((text) => { setCsv(text); setSeen(null); }); }} />
        </label>
        <Textarea rows={6} label={t('admin.bulk.paste')} value={csv} onChange={(event) => { setCsv(event.currentTarget.value); setSeen(null); setTrouble(null); }} />
        {seen && <p role="status" style={{ margin: 0, fontWeight: 620 }} data-testid="import-counts">{t(seen.dry_run ? 'admin.people.would' : 'admin.people.did', { made: seen.made, changed: seen.changed, same: seen.same })}</p>}
        {trouble && (
          <Notice tone="taken" urgent icon="warning" title={t('admin.people.wrong')}>
            <ul>{trouble.slice(0, 20).map((one) => <li key={one}>{one}</li>)}</ul>
          </Notice>
        )}
        <div className={css.row}>
          <Button variant="default" loading={busy} aria-disabled={!csv.trim()} onClick={() => csv.trim() && void send(true)} data-testid="import-dry">{t('admin.bulk.dry')}</Button>
          <Button aria-disabled={!seen?.dry_run} onClick={() => seen?.dry_run && void send(false)} data-testid="import-go">{t('admin.people.go', { count: (seen?.made ?? 0) + (seen?.changed ?? 0) })}</Button>
        </div>
      </div>
    </Sheet>
  );
}
