// Sends a crowd: which room, when, how many people, how fast. The next free hour is chosen until somebody chooses another.
import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Crowd } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import { Problem } from '../../../lib/http';
import { serverNow } from '../../../lib/serverClock';
import { writeZone } from '../../../lib/times';
import { civilDate, civilTime } from '../../../lib/zoned';
import { firstFreeHour, isOnItsWay } from '../board';
import { useRooms, useSendCrowd, useTaken } from '../queries';
import css from './Crowd.module.css';

const people_max = 2_000;
const looked_at_hours = 7 * 24;
const hour_ms = 3_600_000;

interface When {
  date: string;
  from: string;
  to: string;
}

export function CrowdForm({ crowd, onSent }: { crowd: Crowd | null; onSent: (crowd: Crowd) => void }) {
  const { t, i18n } = useTranslation();
  const rooms = useRooms();
  const [chosen, setChosen] = useState<string | null>(null);
  const [people, setPeople] = useState(200);
  const [spread, setSpread] = useState('0');
  const [overlapping, setOverlapping] = useState(false);
  const [thenCancel, setThenCancel] = useState(false);
  const [when, setWhen] = useState<When | null>(null);
  const room = rooms.data?.find((one) => one.id === chosen) ?? rooms.data?.[0] ?? null;
  // Read anew after each crowd: the hour it took is free no more.
  const ended = crowd && !isOnItsWay(crowd) ? crowd.id : null;
  const taken = useTaken(room?.id ?? null, ended);
  const send = useSendCrowd(onSent);

  const offered = room && taken.data ? asCivil(firstFreeHour(taken.data, serverNow(), looked_at_hours, room.zone), room.zone) : null;
  const time = when ?? offered ?? { date: '', from: '', to: '' };
  const change = (part: Partial<When>) => setWhen({ ...time, ...part });
  const onItsWay = isOnItsWay(crowd);
  const ready = room !== null && time.date !== '' && time.from !== '' && time.to !== '';

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready || onItsWay || send.isPending) return;
    const day = (clock: string) => `${time.date}T${clock}`;
    send.mutate({
      resource: room.id,
      start: day(time.from),
      end: day(time.to),
      people,
      spread_ms: Number(spread),
      overlapping,
      then_cancel: thenCancel,
    });
  };

  return (
    <form className={`panel ${css.panel}`} onSubmit={submit} aria-labelledby="crowd-form">
      <h2 className={css.title} id="crowd-form">{t('board.crowd')}</h2>
      <p className={css.lead}>{t('board.crowdLead')}</p>
      {rooms.isError && <Notice tone="taken" icon="warning" title={t('search.errorTitle')} urgent />}
      {rooms.data?.length === 0 && <Notice tone="few" title={t('search.noneTitle')}><p>{t('search.none')}</p></Notice>}
      <NativeSelect
        label={t('board.room')}
        data={(rooms.data ?? []).map((one) => ({ value: one.id, label: one.name }))}
        value={room?.id ?? ''}
        disabled={!room}
        onChange={(event) => {
          setChosen(event.currentTarget.value);
          setWhen(null);
        }}
      />
      <div className={css.time}>
        <TextInput type="date" label={t('search.date')} value={time.date} onChange={(event) => change({ date: event.currentTarget.value })} />
        <TextInput type="time" label={t('search.from')} value={time.from} onChange={(event) => change({ from: event.currentTarget.value.slice(0, 5) })} />
        <TextInput type="time" label={t('search.to')} value={time.to} onChange={(event) => change({ to: event.currentTarget.value.slice(0, 5) })} />
      </div>
      {room && <p className={css.hint}>{t('board.zone', { zone: writeZone(serverNow(), room.zone, i18n.language) })}</p>}
      <div className={css.slider}>
        <div className={css.sliderHead}>
          <label htmlFor="crowd-people">{t('board.people')}</label>
          <output htmlFor="crowd-people">{people.toLocaleString(i18n.language)}</output>
        </div>
        <input id="crowd-people" type="range" min={1} max={people_max} value={people} onChange={(event) => setPeople(Number(event.currentTarget.value))} />
      </div>
      <NativeSelect
        label={t('board.spread')}
        value={spread}
        onChange={(event) => setSpread(event.currentTarget.value)}
        data={['0', '1000', '5000'].map((value) => ({ value, label: value === '0' ? t('board.atOnce') : t('board.within', { count: Number(value) / 1000 }) }))}
      />
      <Checkbox label={t('board.overlapping')} checked={overlapping} onChange={(event) => setOverlapping(event.currentTarget.checked)} />
      <Checkbox label={t('board.thenCancel')} checked={thenCancel} onChange={(event) => setThenCancel(event.currentTarget.checked)} />
      {send.isError && (
        <Notice tone="taken" icon="warning" title={t('board.notSent')} urgent>
          <p>{send.error instanceof Problem ? send.error.message : t('common.noAnswer')}</p>
        </Notice>
      )}
      <Button type="submit" size="md" data-testid="send-crowd" leftSection={<Icon name="people" />} disabled={!ready || onItsWay} loading={send.isPending}>
        {t('board.send')}
      </Button>
    </form>
  );
}

/** The hour from an instant on, as the clocks of the place show it. */
function asCivil(at: number, zone: string): When {
  return { date: civilDate(at, zone), from: civilTime(at, zone), to: civilTime(at + hour_ms, zone) };
}
