// What a resource is and what its rules are: changed in a form, seen as a difference, saved against the version that was read.
// Where somebody else was faster both sides are shown, field by field; nothing of theirs goes unseen.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Resource } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { staleOf, useAct } from '../act';
import { changesOf, editOf, meetings, merge, valuesOf, type Field, type Values } from '../edits';
import { readResource, useGroups } from '../queries';
import css from './Admin.module.css';
import { FactFields, RuleFields, writeValue } from './Fields';
import { Trouble } from './Trouble';

export function EditForm({ resource, may, onAgain }: { resource: Resource; may: boolean; onAgain: () => void }) {
  const { t } = useTranslation();
  const groups = useGroups().data?.items ?? [];
  // What the form was opened with: what others do meanwhile must not change it under the hand.
  const [opened, setOpened] = useState(resource);
  const [values, setValues] = useState<Values>(() => valuesOf(resource));
  const [theirs, setTheirs] = useState<Resource | null>(null);
  const [keep, setKeep] = useState<Partial<Record<Field, 'mine' | 'theirs'>>>({});
  const { act, busy, trouble, clear } = useAct();
  const base = valuesOf(opened);
  const changes = changesOf(base, values);
  // Without changes of one's own it follows what is true.
  if (changes.length === 0 && resource.policy_version !== opened.policy_version) {
    setOpened(resource);
    setValues(valuesOf(resource));
    setTheirs(null);
  }
  const met = theirs ? meetings(base, values, valuesOf(theirs)) : [];
  const undecided = met.filter(({ field }) => !keep[field]);
  const change = (field: Field, value: unknown) => setValues((old) => ({ ...old, [field]: value }));

  async function save(onto: Resource, wanted: Values) {
    const body = editOf(onto, wanted);
    const done = await act({ path: `/api/resources/${resource.id}`, method: 'PATCH', body, ifMatch: onto.policy_version });
    if (!done) return;
    const fresh = done.resource ?? (await readResource(resource.id));
    setOpened(fresh);
    setValues(valuesOf(fresh));
    setTheirs(null);
    setKeep({});
    onAgain();
    notifications.show({ message: t('admin.saved'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
  }

  async function look() {
    clear();
    setTheirs(await readResource(resource.id));
  }

  const stale = staleOf(trouble) !== null;
  if (stale && !theirs && !busy) void look();

  return (
    <form
      className={`panel ${css.card}`}
      data-testid="edit-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (changes.length > 0 && !busy && !theirs) void save(opened, values);
      }}
    >
      {/* Who may not change it reads it in the same places. */}
      <fieldset className={css.bare} disabled={!may}>
      <h2>{t('admin.facts')}</h2>
      <FactFields values={values} groups={groups} kind={resource.kind} onChange={change} />
      <h2 style={{ marginTop: 22 }}>{t('admin.rules')}</h2>
      {resource.group && <p className={css.hint}>{t('admin.follows', { group: groups.find(({ id }) => id === resource.group)?.name ?? t('admin.kind.group') })}</p>}
      <RuleFields values={values} onChange={change} />
      </fieldset>
      {changes.length > 0 && !theirs && (
        <section aria-label={t('admin.diff')} style={{ marginTop: 18 }}>
          <h3>{t('admin.diff')}</h3>
          <ul className={css.diff} data-testid="diff">
            {changes.map(({ field, from, to }) => (
              <li key={field} data-field={field}>
                <b>{t(`admin.field.${field}`)}</b>
                <span className={css.from}>{writeValue(t, field, from, groups)}</span>
                <span aria-hidden="true">→</span>
                <span className={css.to}>{writeValue(t, field, to, groups)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {theirs && (
        <section aria-label={t('admin.stale')} style={{ marginTop: 18 }} data-testid="merge">
          <Notice tone="few" icon="warning" urgent title={t('admin.stale')}>
            <p style={{ margin: 0 }}>{t(met.length > 0 ? 'admin.staleChoose' : 'admin.staleApart')}</p>
          </Notice>
          {met.map(({ field, mine, theirs: their }) => (
            <fieldset key={field} className={css.meet} style={{ border: 0, padding: '12px 0 0', margin: 0 }} data-field={field}>
              <legend style={{ fontWeight: 620, padding: 0 }}>{t(`admin.field.${field}`)}</legend>
              {(['mine', 'theirs'] as const).map((whose) => (
                <label key={whose} className={css.side2}>
                  <input type="radio" name={`keep-${field}`} checked={keep[field] === whose} onChange={() => setKeep({ ...keep, [field]: whose })} />
                  <span>
                    {t(`admin.${whose}`)}: <b>{writeValue(t, field, whose === 'mine' ? mine : their, groups)}</b>
                  </span>
                </label>
              ))}
            </fieldset>
          ))}
        </section>
      )}
      {may && <div className={css.foot}>
        {!stale && <Trouble trouble={trouble} />}
        {theirs ? (
          <>
            <Button
              loading={busy}
              aria-disabled={undecided.length > 0}
              data-testid="save-merged"
              onClick={() => undecided.length === 0 && void save(theirs, merge(base, values, valuesOf(theirs), keep))}
            >
              {t('admin.saveMerged')}
            </Button>
            <Button
              variant="default"
              onClick={() => {
                setOpened(theirs);
                setValues(valuesOf(theirs));
                setTheirs(null);
                setKeep({});
              }}
            >
              {t('admin.takeTheirs')}
            </Button>
          </>
        ) : (
          <>
            <Button type="submit" loading={busy} aria-disabled={changes.length === 0} data-testid="save">{t('admin.save', { count: changes.length })}</Button>
            {changes.length > 0 && <Button variant="default" onClick={() => setValues(base)}>{t('admin.discard')}</Button>}
          </>
        )}
      </div>}
    </form>
  );
}
