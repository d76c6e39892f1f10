// What to search for. Every change goes to the address bar; typing waits a moment so that not each letter searches.
import { ActionIcon, Button, Chip, NativeSelect, Switch, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Facet } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { humanize } from '../../../lib/humanize';
import { addDays } from '../../../lib/zoned';
import { countNarrowing, isOrdered, type Filters as Values } from '../filters';
import { useFacets } from '../queries';
import css from './Filters.module.css';

const typing_ms = 150;
const chips_shown = 8;

interface Props {
  filters: Values;
  onChange: (change: Partial<Values>, how?: 'push' | 'replace') => void;
}

export function Filters({ filters, onChange }: Props) {
  const { t } = useTranslation();
  const facets = useFacets();
  const narrowing = countNarrowing(filters) - (filters.people ? 1 : 0);
  // A link that narrows shows by what.
  const [open, setOpen] = useState(narrowing > 0);
  const unordered = !isOrdered(filters);

  return (
    <form className={`panel ${css.panel}`} role="search" aria-label={t('search.filters')} onSubmit={(event) => event.preventDefault()}>
      <div className={css.time}>
        <div className={css.date}>
          <TextInput
            type="date"
            label={t('search.date')}
            value={filters.date}
            onChange={(event) => event.currentTarget.value && onChange({ date: event.currentTarget.value })}
          />
          <ActionIcon variant="default" size={36} aria-label={t('search.dayBefore')} onClick={() => onChange({ date: addDays(filters.date, -1) })}>
            <Icon name="left" />
          </ActionIcon>
          <ActionIcon variant="default" size={36} aria-label={t('search.dayAfter')} onClick={() => onChange({ date: addDays(filters.date, 1) })}>
            <Icon name="right" />
          </ActionIcon>
        </div>
        <TextInput
          type="time"
          step={900}
          label={t('search.from')}
          value={filters.from}
          onChange={(event) => event.currentTarget.value && onChange({ from: event.currentTarget.value.slice(0, 5) })}
        />
        <TextInput
          type="time"
          step={900}
          label={t('search.to')}
          value={filters.to}
          error={unordered}
          aria-describedby={unordered ? 'order-error' : undefined}
          onChange={(event) => event.currentTarget.value && onChange({ to: event.currentTarget.value.slice(0, 5) })}
        />
        <Typed
          type="number"
          label={t('search.people')}
          placeholder={t('search.peopleAny')}
          value={filters.people ? String(filters.people) : ''}
          onTyped={(text) => {
            const people = Number.parseInt(text, 10);
            onChange({ people: people > 0 ? people : null }, 'replace');
          }}
        />
        <Button
          variant="default"
          leftSection={<Icon name="filter" />}
          aria-expanded={open}
          aria-controls="more-filters"
          onClick={() => setOpen(!open)}
        >
          {narrowing > 0 ? t('search.moreCount', { count: narrowing }) : t('search.more')}
        </Button>
      </div>
      {unordered && <p id="order-error" role="alert" className={css.error}>{t('search.order')}</p>}
      <div className={css.more} id="more-filters" data-open={open}>
        <NativeSelect
          label={t('search.building')}
          data={[{ value: '', label: t('search.buildingAny') }, ...options(facets.data?.buildings, filters.building ? [filters.building] : [])]}
          value={filters.building ?? ''}
          onChange={(event) => onChange({ building: event.currentTarget.value || null })}
        />
        <Typed
          label={t('search.text')}
          placeholder={t('search.textHint')}
          value={filters.text}
          onTyped={(text) => onChange({ text }, 'replace')}
        />
        <Equipment facets={facets.data?.equipment} chosen={filters.equipment} onChange={(equipment) => onChange({ equipment })} />
      </div>
      <div className={css.foot}>
        {countNarrowing(filters) > 0 && (
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<Icon name="cross" size={14} />}
            onClick={() => onChange({ people: null, equipment: [], building: null, text: '' })}
          >
            {t('search.clear')}
          </Button>
        )}
        <Switch
          label={t('search.all')}
          checked={filters.all}
          onChange={(event) => onChange({ all: event.currentTarget.checked })}
        />
      </div>
    </form>
  );
}

/** Equipment as switches, the most common first: one press each, and the count says what it would leave. */
function Equipment({ facets, chosen, onChange }: { facets: Facet[] | undefined; chosen: string[]; onChange: (chosen: string[]) => void }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const common = (facets ?? []).toSorted((a, b) => b.count - a.count);
  const known = options(common, chosen, humanize);
  const shown = known.filter((one, index) => all || index < chips_shown || chosen.includes(one.value));
  if (known.length === 0) return null;
  return (
    <fieldset className={css.equipment}>
      <legend>{t('search.equipment')}</legend>
      <Chip.Group multiple value={chosen} onChange={onChange}>
        {shown.map((one) => (
          <Chip key={one.value} value={one.value} size="sm" variant="outline">
            {one.label}
          </Chip>
        ))}
      </Chip.Group>
      {shown.length < known.length && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
          {t('search.equipmentMore', { count: known.length - shown.length })}
        </Button>
      )}
    </fieldset>
  );
}

/** A field that keeps up with typing at once and tells of it a moment later. */
function Typed({ value, onTyped, type = 'text', ...rest }: {
  value: string;
  onTyped: (text: string) => void;
  type?: 'text' | 'number';
  label: string;
  placeholder: string;
}) {
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  // Back, or "clear", changed it from outside.
  if (value !== told) {
    setTold(value);
    if (value.trim() !== typed.trim()) setTyped(value);
  }
  useEffect(() => {
    if (typed === told) return;
    const timer = setTimeout(() => {
      setTold(typed);
      onTyped(typed);
    }, typing_ms);
    return () => clearTimeout(timer);
  }, [typed, told, onTyped]);
  return (
    <TextInput
      {...rest}
      type={type}
      {...(type === 'number' ? { min: 1, inputMode: 'numeric' as const } : {})}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}

function options(facets: Facet[] | undefined, chosen: string[], write: (value: string) => string = String) {
  const known = facets ?? [];
  const missing = chosen.filter((value) => !known.some((facet) => facet.value === value));
  return [
    ...known.map(({ value, count }) => ({ value, label: `${write(value)} (${count})` })),
    // A shared link may name what no longer exists; it stays visible so that it can be removed.
    ...missing.map((value) => ({ value, label: write(value) })),
  ];
}
