// One class: when, what is left, what I have of it, and what I can do about it. Its height stays, whatever changes.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Booking, Class } from '../../../api/types';
import { Deadline } from '../../../components/Deadline';
import { Icon } from '../../../components/icons';
import { Places } from '../../../components/Places';
import { StateBadge, type Tone } from '../../../components/StateBadge';
import { differsForViewer, viewerZone, writeClock, writeClocks, writeZone } from '../../../lib/times';
import { useNow } from '../../../lib/useNow';
import { Trouble } from '../../bookings/components/Trouble';
import { useBooking } from '../../bookings/queries';
import { useAttempt } from '../../claim/useAttempt';
import { Offer } from '../../waitlist/components/Offer';
import css from './Classes.module.css';

interface Props {
  item: Class;
  onWait: (item: Class) => void;
  onCancel: (booking: Booking, lateFrom: string | null) => void;
}

const tones: Record<NonNullable<Class['mine']>['standing'], Tone> = {
  booked: 'yours', pending: 'few', checked_in: 'yours', no_show: 'off', offered: 'yours', waiting: 'held', watching: 'held',
};

export function ClassRow({ item, onWait, onCancel }: Props) {
  const { t, i18n } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const now = useNow(15_000);
  const { mine, zone } = item;
  const booking = useBooking(mine?.booking ?? null).data;
  const over = Date.parse(item.end) <= now;
  const began = Date.parse(item.start) <= now;
  const working = progress !== null;
  const has = (standing: string) => mine?.standing === standing;
  const cancellable = (has('booked') || has('pending')) && !(item.cancel_by && Date.parse(item.cancel_by) <= now) && !began;
  const late = item.late_cancel_from !== null && Date.parse(item.late_cancel_from) <= now;
  const desk = has('booked') && booking?.check_in ? booking.check_in : null;
  const deskOpen = desk !== null && Date.parse(desk.start) <= now && now < Date.parse(desk.end);

  return (
    <li className={`panel ${css.row}`} data-testid="class-row" data-class={item.id} data-standing={mine?.standing ?? ''} aria-labelledby={`class-${item.id}`}>
      <div className={css.when}>
        <time dateTime={item.start}>{writeClocks(item.start, item.end, zone, i18n.language)}</time>
        <span className={css.soft}>{writeZone(item.start, zone, i18n.language)}</span>
        {differsForViewer(item.start, zone) && <span className={css.soft}>{t('common.yourTime', { time: writeClocks(item.start, item.end, viewerZone, i18n.language), zone: writeZone(item.start, viewerZone, i18n.language) })}</span>}
      </div>
      <div className={css.what}>
        <h3 className={css.name} id={`class-${item.id}`}>{item.name}</h3>
        {item.building && <span className={css.soft}><Icon name="building" size={15} /> {item.building}</span>}
        <div className={css.standing}>
          {mine && <StateBadge tone={tones[mine.standing]}>{t(`classes.standing.${mine.standing}`)}</StateBadge>}
          <Places badge={mine ? null : item.badge} capacity={item.capacity} left={item.units_free} owed={item.owed} waiting={item.waiting} />
        </div>
        {!mine && item.approval && <p className={css.note}><Icon name="check" size={15} /> {t('card.approval')}</p>}
        {has('waiting') && mine?.place && <p className={css.note} data-testid="my-place">{t('waitlist.placeOf', { place: mine.place, total: Math.max(item.waiting, mine.place) })}</p>}
        {cancellable && <p className={css.note}>{late ? t('classes.lateNow') : item.late_cancel_from ? <Deadline at={item.late_cancel_from} zone={zone} says="classes.freeCancelUntil" /> : item.cancel_by && <Deadline at={item.cancel_by} zone={zone} says="bookings.cancelBy" />}</p>}
        {desk && !deskOpen && now < Date.parse(desk.start) && <p className={css.note}>{t('classes.checkInFrom', { from: writeClock(desk.start, zone, i18n.language), to: writeClock(desk.end, zone, i18n.language) })}</p>}
        {!mine && (item.badge === 'closed' || item.badge === 'past_cutoff') && <p className={css.note}>{t(`refusal.${item.badge}`)}</p>}
        {has('offered') && mine?.entry && mine.offered_until && <Offer entry={mine.entry} name={item.name} zone={zone} expires_at={mine.offered_until} />}
        {trouble && <Trouble title={t('claim.refusedTitle')} trouble={trouble} />}
      </div>
      <div className={css.actions}>{!over && buttons()}</div>
    </li>
  );

  function buttons() {
    if (deskOpen && booking) {
      return action('check-in', t('classes.checkIn'), t('classes.checkInNamed', { name: item.name }), () => void send(`/api/bookings/${booking.id}/check-in`, {}), 'filled');
    }
    if (cancellable) {
      return action('leave-class', late ? t('classes.cancelLate') : t('bookings.cancelShort'), t('bookings.cancelNamed', { name: item.name }), () => booking && onCancel(booking, item.late_cancel_from), 'subtle');
    }
    if ((has('waiting') || has('watching')) && mine?.entry) {
      const words = has('waiting') ? t('waitlist.leave') : t('waitlist.unwatch');
      return action('leave-line', words, `${words}: ${item.name}`, () => void send(`/api/waitlist/${mine.entry}/leave`, {}), 'default');
    }
    if (mine || item.badge === 'closed' || item.badge === 'past_cutoff' || began) return null;
    if (item.badge === 'open' || item.badge === 'few_left') {
      return action('join-class', t('classes.join'), t('classes.joinNamed', { name: item.name }), () => void send('/api/bookings', { lines: [{ resource: item.id }] }), 'light');
    }
    const waits = item.badge === 'waitlist';
    return action(
      'wait-button',
      waits ? t('waitlist.joinCount', { count: item.waiting }) : t('waitlist.waitFor'),
      waits ? t('waitlist.joinNamed', { name: item.name }) : t('waitlist.waitForNamed', { name: item.name }),
      () => onWait(item),
      'default',
    );
  }

  function action(id: string, words: string, label: string, onClick: () => void, variant: 'light' | 'default' | 'subtle' | 'filled') {
    return (
      <Button data-testid={id} variant={variant} color={variant === 'subtle' ? 'red' : undefined} aria-label={label} aria-disabled={working} onClick={() => !working && onClick()}>
        {progress === 'checking' ? t('claim.checking') : working ? t('claim.confirming') : words}
      </Button>
    );
  }
}
