// Who there is and what they may do; who is invited and who is let in nowhere; what is known of one of them; and a table that brings
// many in at once.
import { Button, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Facts, Imported, PersonListed } from '../../../api/types';
import { ListState } from '../../../components/ListState';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { Segments } from '../../../components/Segments';
import { Sheet } from '../../../components/Sheet';
import { useParamsOfAddress } from '../../../lib/address';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { viewerZone, writeInstant } from '../../../lib/times';
import { useMay } from '../may';
import { useDeed, useFacts, useInvitations, usePeople } from '../people';
import { AccessSheet } from './AccessSheet';
import css from './Admin.module.css';
import { InviteSheet } from './InviteSheet';
import { Refused, Unread } from './Trouble';

const shows = ['everybody', 'invited', 'suspended'] as const;
type Show = (typeof shows)[number];

export default function PeoplePage() {
  const { t } = useTranslation();
  const params = useParamsOfAddress();
  const navigate = useNavigate();
  const { all } = useMay();
  const [sheet, setSheet] = useState<'import' | 'invite' | null>(null);
  const show: Show = shows.find((one) => one === params.get('show')) ?? 'everybody';
  const q = params.get('q') ?? '';
  const [typed, setTyped] = useState(q);
  const go = (part: { show?: string | undefined; q?: string | undefined }) => void navigate({ to: '/admin/people', search: (old: object) => ({ ...old, ...part }), replace: true, resetScroll: false });
  return (
    <Page
      title={t('admin.ways.people')}
      aside={all && (
        <div className={css.row}>
          <Button onClick={() => setSheet('invite')}>{t('admin.invite.do')}</Button>
          <Button variant="default" onClick={() => setSheet('import')}>{t('admin.people.import')}</Button>
        </div>
      )}
    >
      <div className={css.tools}>
        <Segments label={t('admin.people.show')} value={show} choices={shows.map((value) => ({ value, label: t(`admin.people.shows.${value}`) }))} onChange={(value) => go({ show: value === 'everybody' ? undefined : value })} />
      </div>
      {show !== 'invited' && (
        <form className={css.tools} role="search" onSubmit={(event) => { event.preventDefault(); go({ q: typed.trim() || undefined }); }}>
          <TextInput label={t('admin.search')} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
          <Button type="submit" variant="default">{t('admin.find')}</Button>
        </form>
      )}
      {show === 'invited' ? <Invitations may={all} /> : <People key={show} q={q} suspended={show === 'suspended'} may={all} />}
      {sheet === 'import' && <Import onClose={() => setSheet(null)} />}
      {sheet === 'invite' && <InviteSheet onClose={() => setSheet(null)} />}
    </Page>
  );
}

function People({ q, suspended, may }: { q: string; suspended: boolean; may: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<{ person: PersonListed; what: 'facts' | 'access' } | null>(null);
  const found = usePeople(q, suspended);
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const nobody = suspended && !q ? 'noneSuspended' : 'none';
  return (
    <ListState query={found} skeletons={{ count: 6, height: 44 }} isEmpty={items.length === 0} empty={{ title: t(`admin.people.${nobody}`), text: t(`admin.people.${nobody}Text`) }}>
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
                <td data-name={t('admin.people.title')}>{one.title || '–'}</td>
                <td data-name={t('admin.people.role')}>{one.role ? t(`admin.role.${one.role}`, { defaultValue: one.role }) : '–'}</td>
                <td data-name={t('admin.people.email')}>{one.email ?? '–'}</td>
                <td data-name={t('admin.people.external')}>{one.external_id ?? '–'}</td>
                <td>
                  {suspended ? <LetIn person={one} may={may} /> : (
                    <div className={css.row}>
                      {(['access', 'facts'] as const).map((what) => {
                        const words = t(what === 'access' ? 'admin.access.open' : 'admin.people.open');
                        return <Button key={what} variant="subtle" size="compact-sm" aria-label={`${words}: ${one.name}`} onClick={() => setOpen({ person: one, what })}>{words}</Button>;
                      })}
                    </div>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {open?.what === 'facts' && <Known person={open.person} may={may} onClose={() => setOpen(null)} />}
      {open?.what === 'access' && <AccessSheet person={open.person} may={may} onClose={() => setOpen(null)} />}
    </ListState>
  );
}

function LetIn({ person, may }: { person: PersonListed; may: boolean }) {
  const { t } = useTranslation();
  const deed = useDeed();
  if (!may) return '–';
  return (
    <>
      <Button variant="default" size="compact-sm" loading={deed.busy} data-testid="let-in" aria-label={t('admin.access.restoreNamed', { name: person.name })} onClick={() => void deed.carryOut({ path: `/api/people/${person.id}/restore`, method: 'POST' })}>
        {t('admin.access.restore')}
      </Button>
      <Refused error={deed.error} />
    </>
  );
}

/** Who was invited and has not come in yet. */
function Invitations({ may }: { may: boolean }) {
  const { t, i18n } = useTranslation();
  const open = useInvitations();
  const deed = useDeed();
  const items = open.data?.items ?? [];
  return (
    <ListState query={open} skeletons={{ count: 4, height: 72 }} isEmpty={items.length === 0} empty={{ title: t('admin.invite.none'), text: t('admin.invite.noneText') }}>
      <Refused error={deed.error} />
      <ul className={css.list} data-testid="invitations">
        {items.map((one) => (
          <li key={one.person} className={css.item} data-person={one.person}>
            <div className={css.main}>
              <h2>{one.name}</h2>
              <p>{[one.email, t(`admin.role.${one.role}`)].filter(Boolean).join(' · ')}</p>
              <p className={css.time}>{t('admin.invite.by', { name: one.made_by ?? t('admin.somebody'), time: writeInstant(one.made_at, viewerZone, i18n.language), until: writeInstant(one.until, viewerZone, i18n.language) })}</p>
            </div>
            {may && (
              <Button variant="default" size="sm" loading={deed.busy} aria-label={t('admin.invite.withdrawNamed', { name: one.name })} data-testid="withdraw" onClick={() => void deed.carryOut({ path: `/api/people/${one.person}/invitation`, method: 'DELETE' })}>
                {t('admin.invite.withdraw')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </ListState>
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
