// What to search for. Every change goes to the address bar; typing waits a moment so that not each letter searches.
import { ActionIcon, Button, Chip, NativeSelect, Switch, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Facet, Facets } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { humanize } from '../../../lib/humanize';
import { addDays } from '../../../lib/zoned';
import { countNarrowing, isOrdered, lengths_min, lengthWithin, sorts, withLength, type Filters as Values } from '../filters';
import { useFacets } from '../queries';
import css from './Filters.module.css';

const typing_ms = 150;
const chips_shown = 8;

interface Props {
  filters: Values;
  /** What is left to choose among what was found; until then, everything there is. */
  found: Facets | undefined;
  onChange: (change: Partial<Values>, how?: 'push' | 'replace') => void;
}

export function Filters({ filters, found, onChange }: Props) {
  const { t } = useTranslation();
  const facets = useFacets();
  const narrowing = countNarrowing(filters) - (filters.people ? 1 : 0);
  // A link that narrows shows by what.
  const [open, setOpen] = useState(narrowing > 0 || filters.length_min !== null);
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
        <Typed
          label={t('search.text')}
          placeholder={t('search.textHint')}
          value={filters.text}
          onTyped={(text) => onChange({ text }, 'replace')}
        />
        <NativeSelect
          label={t('search.length')}
          data={[{ value: '', label: t('search.lengthAll') }, ...lengths_min.map((count) => ({ value: String(count), label: t('search.lengthFirst', { count }) }))]}
          value={lengthWithin(filters) ?? ''}
          onChange={(event) => onChange(withLength(filters, Number(event.currentTarget.value) || null))}
        />
        <NativeSelect
          label={t('search.sort')}
          data={sorts.map((sort) => ({ value: sort, label: t(`search.sorts.${sort}`) }))}
          value={filters.sort}
          onChange={(event) => onChange({ sort: sorts.find((sort) => sort === event.currentTarget.value) ?? 'best' })}
        />
        <Choices
          label={t('search.building')}
          all={facets.data?.buildings}
          found={found?.buildings}
          chosen={filters.buildings}
          onChange={(buildings) => onChange({ buildings })}
        />
        <Choices
          label={t('search.equipment')}
          all={facets.data?.equipment}
          found={found?.equipment}
          chosen={filters.equipment}
          write={humanize}
          onChange={(equipment) => onChange({ equipment })}
        />
      </div>
      <div className={css.foot}>
        {countNarrowing(filters) > 0 && (
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<Icon name="cross" size={14} />}
            onClick={() => onChange({ people: null, equipment: [], buildings: [], text: '' })}
          >
            {t('search.clear')}
          </Button>
        )}
        <Switch
          label={t('search.all')}
          checked={filters.all}
          onChange={(event) => onChange({ all: event.currentTarget.checked })}
        />
        <Switch
          label={t('search.favourites')}
          checked={filters.favourites}
          onChange={(event) => onChange({ favourites: event.currentTarget.checked })}
        />
      </div>
    </form>
  );
}

interface ChoicesProps {
  label: string;
  all: Facet[] | undefined;
  found: Facet[] | undefined;
  chosen: string[];
  write?: (value: string) => string;
  onChange: (chosen: string[]) => void;
}

/**
 * Values as switches, one press each, with what a press would leave. The most common of all come first and stay in their
 * place: only the numbers change with the search, so that nothing moves under the pointer.
 */
function Choices({ label, all, found, chosen, write = String, onChange }: ChoicesProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const common = (all ?? []).toSorted((a, b) => b.count - a.count).map(({ value }) => value);
  // A shared link may name what no longer exists; it stays visible so that it can be removed.
  const known = [...common, ...chosen.filter((value) => !common.includes(value))];
  const shown = known.filter((value, index) => open || index < chips_shown || chosen.includes(value));
  const counts = new Map((found ?? all ?? []).map(({ value, count }) => [value, count]));
  if (known.length === 0) return null;
  return (
    <fieldset className={css.choices}>
      <legend>{label}</legend>
      <Chip.Group multiple value={chosen} onChange={onChange}>
        {shown.map((value) => (
          <Chip key={value} value={value} size="sm" variant="outline" data-count={counts.get(value) ?? 0}>
            {write(value)} <span className={css.tally}>({counts.get(value) ?? 0})</span>
          </Chip>
        ))}
      </Chip.Group>
      {shown.length < known.length && (
        <Button variant="subtle" size="compact-sm" aria-label={t('search.choicesMoreOf', { count: known.length - shown.length, label })} onClick={() => setOpen(true)}>
          {t('search.choicesMore', { count: known.length - shown.length })}
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
