// One section: when it meets, what is left of it, and what can be done: plan, register, wait, drop, or take it for another.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Booking, Section } from '../../../api/types';
import { Deadline } from '../../../components/Deadline';
import { Places } from '../../../components/Places';
import { StateBadge } from '../../../components/StateBadge';
import { humanize } from '../../../lib/humanize';
import { ask } from '../../../lib/http';
import { writeZone } from '../../../lib/times';
import { useNow } from '../../../lib/useNow';
import { Trouble } from '../../bookings/components/Trouble';
import { useBooking } from '../../bookings/queries';
import { useAttempt } from '../../claim/useAttempt';
import { writeMeeting } from '../meetings';
import css from './Courses.module.css';

interface Props {
  section: Section;
  isPlanned: boolean;
  /** The section of the same course that one has, and could give up for this one. */
  have: Section | null;
  onPlan: (section: Section) => void;
  onUnplan: (section: Section) => void;
  onWait: (section: Section, gives_up?: string) => void;
  onDrop: (booking: Booking) => void;
}

export function SectionRow({ section, isPlanned, have, onPlan, onUnplan, onWait, onDrop }: Props) {
  const { t, i18n } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const now = useNow(15_000);
  const mine = useBooking(section.booking).data;
  const { course, badge } = section;
  const working = progress !== null;
  const opensLater = section.opens_at !== null && Date.parse(section.opens_at) > now;
  const full = badge === 'full' || badge === 'waitlist' || badge === 'held' || badge === 'overbooked';
  const shut = badge === 'closed' || badge === 'past_cutoff';
  const dropOver = section.drop_by !== null && Date.parse(section.drop_by) <= now;
  const title = [humanize(course.part ?? ''), course.section].filter(Boolean).join(' ');
  const named = { name: section.name };

  /** The other lines of the booking stay as they are; only this one is taken for the one that is had. */
  async function swap() {
    if (!have?.booking) return;
    const booking = await ask<Booking>(`/api/bookings/${have.booking}`).catch(() => null);
    if (!booking) return;
    const lines = booking.lines.map((line) => (line.resource === have.id ? { resource: section.id, units: line.units } : { resource: line.resource, units: line.units }));
    await send(`/api/bookings/${booking.id}/move`, { lines });
  }

  return (
    <li className={css.section} data-testid="section" data-section={section.id} data-mine={Boolean(section.booking)}>
      <div className={css.facts}>
        <h3 className={css.title}>{title}</h3>
        <p className={css.soft}>
          {course.meetings.length === 0 ? t('courses.noTime') : course.meetings.map((meeting) => writeMeeting(meeting, i18n.language)).join('; ')}
          {course.meetings.length > 0 && ` (${writeZone(now, section.zone, i18n.language)})`}
        </p>
        {course.instructor && <p className={css.soft}>{course.instructor}</p>}
        <div className={css.standing}>
          {section.booking && <StateBadge tone="yours">{t('courses.registered')}</StateBadge>}
          {section.entry && <StateBadge tone="held">{t('classes.standing.waiting')}</StateBadge>}
          <Places badge={section.booking ? null : badge} capacity={section.capacity} left={section.remaining} owed={section.owed} waiting={section.waiting} />
        </div>
        {!section.booking && section.approval && <p className={css.soft}>{t('card.approval')}</p>}
        {opensLater && <p className={css.soft}><Deadline at={section.opens_at!} zone={section.zone} says="courses.opens" /></p>}
        {section.booking && section.drop_by && !dropOver && <p className={css.soft}><Deadline at={section.drop_by} zone={section.zone} says="courses.dropBy" /></p>}
        {section.booking && dropOver && <p className={css.soft}>{t('courses.dropOver')}</p>}
        {!section.booking && section.add_by && !shut && <p className={css.soft}><Deadline at={section.add_by} zone={section.zone} says="courses.addBy" /></p>}
        {shut && !section.booking && <p className={css.soft}>{t(`refusal.${badge}`)}</p>}
        {trouble && <Trouble title={t('courses.notRegistered')} trouble={trouble} />}
      </div>
      <div className={css.actions}>{buttons()}</div>
    </li>
  );

  function buttons() {
    if (section.booking) {
      return !dropOver && button('drop-button', 'subtle', t('courses.drop'), t('courses.dropNamed', named), () => mine && onDrop(mine));
    }
    if (section.entry) {
      return button('leave-line', 'default', t('waitlist.leave'), t('waitlist.leaveNamed', named), () => void send(`/api/waitlist/${section.entry}/leave`, {}));
    }
    return (
      <>
        {!shut && have && !full && !opensLater && button('swap-section', 'light', t('courses.swap', { section: have.course.section }), t('courses.swapNamed', { from: have.name, to: section.name }), () => void swap())}
        {!shut && have && full && section.waitlist !== null && button('wait-section', 'light', t('courses.swapWait'), t('waitlist.joinNamed', named), () => onWait(section, have.booking ?? undefined))}
        {!shut && !have && !full && !opensLater && button('register-button', 'light', t('courses.register'), t('courses.registerNamed', named), () => void send('/api/bookings', { lines: [{ resource: section.id }] }))}
        {!shut && !have && full && button('wait-section', 'light', section.waitlist !== null ? t('waitlist.joinCount', { count: section.waiting }) : t('waitlist.watchTitle'), section.waitlist !== null ? t('waitlist.joinNamed', named) : t('waitlist.watchNamed', named), () => onWait(section))}
        {button('plan-button', 'default', isPlanned ? t('courses.unplan') : t('courses.addToPlan'), isPlanned ? t('courses.unplanNamed', named) : t('courses.addToPlanNamed', named), () => (isPlanned ? onUnplan(section) : onPlan(section)))}
      </>
    );
  }

  function button(id: string, variant: 'light' | 'default' | 'subtle', words: string, label: string, onClick: () => void) {
    return (
      <Button size="compact-md" data-testid={id} variant={variant} color={variant === 'subtle' ? 'red' : undefined} aria-label={label} aria-disabled={working} onClick={() => !working && onClick()}>
        {words}
      </Button>
    );
  }
}
