// The fields of a resource and of its rules, each with what it takes to change it. What a field does not know it leaves as it is.
import { NativeSelect, Switch, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { Resource } from '../../../api/types';
import { facts, rules, type Field, type Value, type Values } from '../edits';
import { readHours, readRequirements, writeHours, writeRequirements, type Hours, type Requirement } from '../hours';
import css from './Admin.module.css';

interface Props {
  values: Values;
  groups: Resource[];
  kind: string;
  onChange: (field: Field, value: Value) => void;
}

export function FactFields({ values, groups, kind, onChange }: Props) {
  const { t } = useTranslation();
  const label = (field: string) => t(`admin.field.${field}`);
  return (
    <div className={css.fields}>
      <TextInput label={label('name')} required maxLength={200} value={String(values.name ?? '')} onChange={(event) => onChange('name', event.currentTarget.value)} />
      {kind !== 'group' && (
        <>
          <TextInput label={label('building')} value={String(values.building ?? '')} onChange={(event) => onChange('building', event.currentTarget.value || null)} />
          <Count label={label('seats')} value={values.seats} onChange={(value) => onChange('seats', value)} />
          <TextInput
            label={label('equipment')}
            description={t('admin.commas')}
            value={(values.equipment as string[]).join(', ')}
            onChange={(event) => onChange('equipment', event.currentTarget.value.split(',').map((one) => one.trimStart()))}
          />
          <NativeSelect
            label={label('group')}
            value={String(values.group ?? '')}
            data={[{ value: '', label: t('admin.noGroup') }, ...groups.map(({ id, name }) => ({ value: id, label: name }))]}
            onChange={(event) => onChange('group', event.currentTarget.value || null)}
          />
        </>
      )}
    </div>
  );
}

export function RuleFields({ values, onChange }: Pick<Props, 'values' | 'onChange'>) {
  const { t } = useTranslation();
  const label = (field: string) => t(`admin.field.${field}`);
  const choice = (field: 'own_overlap' | 'hold_at', all: string[]) => (
    <NativeSelect label={label(field)} value={String(values[field])} data={all.map((one) => ({ value: one, label: t(`admin.value.${field}.${one}`) }))} onChange={(event) => onChange(field, event.currentTarget.value)} />
  );
  const minutes = (field: 'setup_s' | 'teardown_s' | 'duration_max_s' | 'remind_before_s', none: number | null) => (
    <Count label={label(field)} unit={60} value={values[field]} onChange={(value) => onChange(field, value ?? none)} />
  );
  const cutoff = (field: 'book_from' | 'book_by' | 'change_by' | 'cancel_by' | 'late_cancel_from') => (
    <Cutoff label={label(field)} value={values[field] as CutoffValue | null} onChange={(value) => onChange(field, value)} />
  );
  const quota = values.quota as { most: number; period: string; scope?: string } | null;
  const waitlist = values.waitlist as { mode: string; offer_ttl_s?: number | null } | null;
  const checkIn = values.check_in as { opens_s: number; closes_s: number } | null;
  return (
    <div className={css.fields}>
      <Parsed<Hours[]>
        label={label('opening_hours')}
        description={t('admin.hoursHint')}
        value={values.opening_hours as Hours[]}
        read={readHours}
        write={writeHours}
        onChange={(value) => onChange('opening_hours', value)}
      />
      <Switch label={label('approval')} checked={Boolean(values.approval)} onChange={(event) => onChange('approval', event.currentTarget.checked)} />
      <Switch label={label('pending_takes')} checked={Boolean(values.pending_takes)} onChange={(event) => onChange('pending_takes', event.currentTarget.checked)} />
      {minutes('duration_max_s', null)}
      {minutes('setup_s', 0)}
      {minutes('teardown_s', 0)}
      {choice('own_overlap', ['allow', 'refuse'])}
      {choice('hold_at', ['confirm', 'claim', 'none'])}
      <Count label={label('hold_ttl_s')} value={values.hold_ttl_s} onChange={(value) => value && onChange('hold_ttl_s', value)} />
      {cutoff('book_from')}
      {cutoff('book_by')}
      {cutoff('change_by')}
      {cutoff('cancel_by')}
      {cutoff('late_cancel_from')}
      {minutes('remind_before_s', null)}
      <NativeSelect
        label={label('waitlist')}
        value={waitlist?.mode ?? ''}
        data={['', 'book', 'offer'].map((one) => ({ value: one, label: t(`admin.value.waitlist.${one || 'none'}`) }))}
        onChange={(event) => onChange('waitlist', event.currentTarget.value ? { fill: 'skip', capacity: null, ...waitlist, mode: event.currentTarget.value } : null)}
      />
      <Switch
        label={label('check_in')}
        checked={checkIn !== null}
        onChange={(event) => onChange('check_in', event.currentTarget.checked ? { opens_s: 900, closes_s: 900 } : null)}
      />
      {checkIn && (
        <>
          <Count label={t('admin.field.check_in_opens')} unit={60} value={checkIn.opens_s} onChange={(value) => onChange('check_in', { ...checkIn, opens_s: value ?? 0 })} />
          <Count label={t('admin.field.check_in_closes')} unit={60} value={checkIn.closes_s} onChange={(value) => value && onChange('check_in', { ...checkIn, closes_s: value })} />
        </>
      )}
      <Count label={label('quota')} value={quota?.most ?? null} onChange={(value) => onChange('quota', value === null ? null : { period: 'week', scope: 'resource', ...quota, most: value })} />
      {quota && (
        <>
          <NativeSelect label={t('admin.field.quota_period')} value={quota.period} data={['day', 'week', 'month', 'all'].map((one) => ({ value: one, label: t(`admin.value.period.${one}`) }))} onChange={(event) => onChange('quota', { ...quota, period: event.currentTarget.value })} />
          <NativeSelect label={t('admin.field.quota_scope')} value={quota.scope ?? 'resource'} data={['resource', 'group'].map((one) => ({ value: one, label: t(`admin.value.scope.${one}`) }))} onChange={(event) => onChange('quota', { ...quota, scope: event.currentTarget.value })} />
        </>
      )}
      <Parsed<Requirement[]>
        label={label('eligibility')}
        description={t('admin.eligibilityHint')}
        value={values.eligibility as Requirement[]}
        read={readRequirements}
        write={writeRequirements}
        onChange={(value) => onChange('eligibility', value)}
      />
    </div>
  );
}

/** A whole number of units, such as minutes of seconds; null where nothing is said. */
function Count({ label, value, unit = 1, onChange }: { label: string; value: Value; unit?: number; onChange: (value: number | null) => void }) {
  return (
    <TextInput
      type="number"
      min={0}
      label={label}
      value={typeof value === 'number' ? String(value / unit) : ''}
      onChange={(event) => onChange(event.currentTarget.value === '' ? null : Math.round(Number(event.currentTarget.value) * unit))}
    />
  );
}

type CutoffValue = { elapsed_s?: number; days_before?: number; at?: string };

/** So many hours before the start, or at a time so many days before; a kind that is not known here stays as it is. */
function Cutoff({ label, value, onChange }: { label: string; value: CutoffValue | null; onChange: (value: CutoffValue | null) => void }) {
  const { t } = useTranslation();
  const how = value === null ? 'none' : value.elapsed_s !== undefined ? 'elapsed' : value.days_before !== undefined ? 'civil' : 'other';
  const first: Record<string, CutoffValue | null> = { none: null, elapsed: { elapsed_s: 3600 }, civil: { days_before: 1, at: '18:00' } };
  return (
    <div>
      <NativeSelect
        label={label}
        value={how}
        data={['none', 'elapsed', 'civil', ...(how === 'other' ? ['other'] : [])].map((one) => ({ value: one, label: t(`admin.value.cutoff.${one}`) }))}
        onChange={(event) => event.currentTarget.value in first && onChange(first[event.currentTarget.value]!)}
      />
      {how === 'elapsed' && (
        <TextInput mt={6} type="number" step="any" aria-label={`${label}: ${t('admin.value.cutoff.hours')}`} value={String(value!.elapsed_s! / 3600)} onChange={(event) => onChange({ elapsed_s: Math.round(Number(event.currentTarget.value) * 3600) })} />
      )}
      {how === 'civil' && (
        <div className={css.row} style={{ marginTop: 6 }}>
          <TextInput type="number" min={0} w={84} aria-label={`${label}: ${t('admin.value.cutoff.days')}`} value={String(value!.days_before)} onChange={(event) => onChange({ ...value, days_before: Number(event.currentTarget.value) })} />
          <TextInput type="time" aria-label={`${label}: ${t('admin.value.cutoff.at')}`} value={value!.at} onChange={(event) => onChange({ ...value, at: event.currentTarget.value.slice(0, 5) })} />
        </div>
      )}
    </div>
  );
}

interface ParsedProps<T> {
  label: string;
  description: string;
  value: T;
  read: (text: string) => T | null;
  write: (value: T) => string;
  onChange: (value: T) => void;
}

/** Typed as text; what cannot be read yet is said and changes nothing. */
function Parsed<T>({ label, description, value, read, write, onChange }: ParsedProps<T>) {
  const { t } = useTranslation();
  const said = write(value);
  const [typed, setTyped] = useState(said);
  const [told, setTold] = useState(said);
  if (said !== told) {
    setTold(said);
    if (write(read(typed) ?? value) !== said) setTyped(said);
  }
  const wrong = read(typed) === null;
  return (
    <Textarea
      className={css.wide}
      label={label}
      description={description}
      autosize={false}
      rows={2}
      value={typed}
      error={wrong ? t('admin.wrong.not_understood') : undefined}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        const next = read(event.currentTarget.value);
        if (next !== null) onChange(next);
      }}
    />
  );
}

/** A value of a field as a person reads it. */
export function writeValue(t: TFunction, field: Field, value: Value, groups: Resource[] = []): string {
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return t('admin.nothing');
  if (field === 'group') return groups.find(({ id }) => id === value)?.name ?? String(value);
  if (field === 'equipment') return (value as string[]).join(', ');
  if (field === 'opening_hours') return writeHours(value as Hours[]);
  if (field === 'eligibility') return writeRequirements(value as Requirement[]);
  if (field === 'own_overlap' || field === 'hold_at') return t(`admin.value.${field}.${String(value)}`);
  if (typeof value === 'boolean') return t(value ? 'admin.yes' : 'admin.no');
  if (field.endsWith('_s') && field !== 'hold_ttl_s') return t('admin.minutes', { count: Number(value) / 60 });
  if (field === 'waitlist') return t(`admin.value.waitlist.${(value as { mode: string }).mode}`);
  if (field === 'quota') {
    const { most, period } = value as { most: number; period: string };
    return `${most}, ${t(`admin.value.period.${period}`)}`;
  }
  if (field === 'check_in') {
    const { opens_s, closes_s } = value as { opens_s: number; closes_s: number };
    return `−${opens_s / 60} / +${closes_s / 60} min`;
  }
  const cutoff = value as CutoffValue;
  if (typeof value === 'object' && cutoff.elapsed_s !== undefined) return t('admin.value.cutoff.saidHours', { count: cutoff.elapsed_s / 3600 });
  if (typeof value === 'object' && cutoff.days_before !== undefined) return t('admin.value.cutoff.saidDays', { count: cutoff.days_before, at: cutoff.at });
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export const fields = [...facts, ...rules];
