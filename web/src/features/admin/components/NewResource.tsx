// Makes one resource or group: what it must have; everything else is edited where it then is.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { ResourceRequest } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { viewerZone } from '../../../lib/times';
import { useAct } from '../act';
import { useMay } from '../may';
import { useGroups } from '../queries';
import css from './Admin.module.css';
import { Trouble } from './Trouble';

const kinds = ['room', 'equipment', 'section', 'session', 'group'] as const;
type Kind = (typeof kinds)[number];

export function NewResource({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const { t } = useTranslation();
  const groups = useGroups();
  const may = useMay();
  // A manager makes something in a group of theirs, and no groups.
  const inGroups = (groups.data?.items ?? []).filter((group) => may.change(group));
  const { act, busy, trouble } = useAct();
  const [kind, setKind] = useState<Kind>('room');
  const [text, setText] = useState({ name: '', building: '', zone: viewerZone, seats: '', capacity: '1', group: '', start: '', end: '' });
  const change = (part: Partial<typeof text>) => setText({ ...text, ...part });
  const timed = kind === 'section' || kind === 'session';

  async function submit(event: FormEvent) {
    event.preventDefault();
    const body = {
      kind,
      name: text.name.trim(),
      zone: text.zone.trim(),
      ...(text.building.trim() ? { building: text.building.trim() } : {}),
      ...(text.seats ? { seats: Number(text.seats) } : {}),
      ...(kind === 'group' ? {} : { capacity: text.capacity ? Number(text.capacity) : null }),
      ...(text.group ? { group: text.group } : {}),
      ...(timed ? { interval: { start: text.start, end: text.end } } : {}),
    } as ResourceRequest;
    const made = await act({ path: '/api/resources', body });
    if (made?.resource) onMade(made.resource.id);
  }

  return (
    <Sheet onClose={onClose} title={t('admin.resource.new')} size={560} testId="new-resource">
      <form onSubmit={(event) => void submit(event)}>
        <div className={css.fields}>
          <NativeSelect label={t('admin.field.kind')} value={kind} data={kinds.filter((one) => may.all || one !== 'group').map((one) => ({ value: one, label: t(`admin.kind.${one}`) }))} onChange={(event) => setKind(event.currentTarget.value as Kind)} />
          <TextInput label={t('admin.field.name')} required maxLength={200} value={text.name} data-autofocus onChange={(event) => change({ name: event.currentTarget.value })} />
          <TextInput label={t('admin.field.zone')} required value={text.zone} onChange={(event) => change({ zone: event.currentTarget.value })} />
          <NativeSelect label={t('admin.field.group')} required={!may.all} value={text.group} data={[{ value: '', label: t(may.all ? 'admin.noGroup' : 'admin.reason.choose') }, ...inGroups.map(({ id, name }) => ({ value: id, label: name }))]} onChange={(event) => change({ group: event.currentTarget.value })} />
          {kind !== 'group' && (
            <>
              <TextInput label={t('admin.field.building')} value={text.building} onChange={(event) => change({ building: event.currentTarget.value })} />
              <TextInput type="number" min={1} label={t('admin.field.seats')} value={text.seats} onChange={(event) => change({ seats: event.currentTarget.value })} />
              <TextInput type="number" min={1} label={t('admin.field.capacity')} description={t('admin.capacityHint')} value={text.capacity} onChange={(event) => change({ capacity: event.currentTarget.value })} />
            </>
          )}
          {timed && (
            <>
              <TextInput type="datetime-local" required label={t('admin.field.start')} value={text.start} onChange={(event) => change({ start: event.currentTarget.value })} />
              <TextInput type="datetime-local" required label={t('admin.field.end')} value={text.end} onChange={(event) => change({ end: event.currentTarget.value })} />
            </>
          )}
        </div>
        <div className={css.foot}><Trouble trouble={trouble} /></div>
        <div className={css.foot}>
          <Button type="submit" loading={busy} data-testid="make-resource">{t('admin.resource.make')}</Button>
          <Button variant="default" onClick={onClose}>{t('common.close')}</Button>
        </div>
      </form>
    </Sheet>
  );
}
