// A field that finds a person or a resource by what is typed, and keeps the one that was chosen.
import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState, type KeyboardEvent } from 'react';
import type { Page, PersonListed, Resource } from '../../../api/types';
import { ask } from '../../../lib/http';
import css from './Admin.module.css';

export interface Picked {
  id: string;
  name: string;
}

interface Props {
  what: 'person' | 'resource' | 'group';
  label: string;
  value: Picked | null;
  onPick: (picked: Picked | null) => void;
  description?: string;
}

const least = 1;

export function Picker({ what, label, value, onPick, description }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const [at, setAt] = useState(0);
  const list = useId();
  const q = typed?.trim() ?? '';
  const open = typed !== null && q.length >= least;
  const found = useQuery({
    queryKey: ['admin', 'pick', what, q],
    enabled: open,
    staleTime: 10_000,
    queryFn: async ({ signal }): Promise<(Picked & { more: string })[]> => {
      const path = `/api/${{ person: 'people?', resource: 'resources?', group: 'resources?kind=group&' }[what]}limit=8&q=${encodeURIComponent(q)}`;
      if (what === 'person') return (await ask<Page<PersonListed>>(path, { signal })).items.map(({ id, name, title }) => ({ id, name, more: title }));
      return (await ask<Page<Resource>>(path, { signal })).items.map(({ id, name, building }) => ({ id, name, more: building ?? '' }));
    },
  });
  const items = open ? (found.data ?? []) : [];

  function take(one: Picked) {
    onPick({ id: one.id, name: one.name });
    setTyped(null);
    setAt(0);
  }

  function keyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length > 0) {
      event.preventDefault();
      setAt((at + step + items.length) % items.length);
    } else if (event.key === 'Enter' && open && items[at]) {
      event.preventDefault();
      take(items[at]);
    } else if (event.key === 'Escape' && typed !== null) {
      event.stopPropagation();
      setTyped(null);
    }
  }

  return (
    <div className={css.picker}>
      <TextInput
        label={label}
        description={description}
        role="combobox"
        autoComplete="off"
        aria-expanded={items.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={items[at] ? `${list}-${at}` : undefined}
        value={typed ?? value?.name ?? ''}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
          if (event.currentTarget.value === '') onPick(null);
        }}
        onBlur={() => setTyped(null)}
        onKeyDown={keyDown}
      />
      {/* oxlint-disable jsx-a11y/no-noninteractive-element-to-interactive-role -- the pattern of a combobox: the field has the focus and the keys */}
      <ul id={list} role="listbox" aria-label={label} className={css.choices} hidden={items.length === 0}>
        {items.map((one, index) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the field takes the keys for its list
          <li
            key={one.id}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            // Before the field loses the focus and the list goes.
            onMouseDown={(event) => {
              event.preventDefault();
              take(one);
            }}
          >
            {one.name} <span className={css.soft}>{one.more}</span>
          </li>
        ))}
      </ul>
      {/* oxlint-enable jsx-a11y/no-noninteractive-element-to-interactive-role */}
    </div>
  );
}
