// One room that the search recommends: what it is, how it stands, and the one thing to do with it.
import { ActionIcon, Button, VisuallyHidden } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { SearchItem } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { StateBadge, type Tone } from '../../../components/StateBadge';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { humanize } from '../../../lib/humanize';
import { serverNow } from '../../../lib/serverClock';
import { writeClocks } from '../../../lib/times';
import type { Marked } from '../../live/marks';
import { cardState } from '../cardState';
import css from './RoomRecommendationCard.module.css';

const equipment_shown = 4;

interface Props {
  item: SearchItem;
  /** Each card has a time of its own, which it tells. */
  timed: boolean;
  /** With its day: where it stands alone, not in a list of one day. */
  dated?: boolean;
  marked: Marked | undefined;
  isFavourite: boolean;
  onFavourite: (id: string) => void;
  onClaim: (item: SearchItem) => void;
  onRepeat: (item: SearchItem) => void;
  onWait: (item: SearchItem) => void;
}

export const RoomRecommendationCard = memo(function RoomRecommendationCard({ item, timed, dated = false, marked, isFavourite, onFavourite, onClaim, onRepeat, onWait }: Props) {
  const { t, i18n } = useTranslation();
  const { resource } = item;
  const state = cardState(t, item, marked, i18n.language);
  const units = marked ? marked.units_free : item.units_free;
  const shown = resource.equipment.slice(0, equipment_shown);
  const rest = resource.equipment.slice(equipment_shown);
  const heading = `room-${resource.id}`;
  const Heading = dated ? 'h2' : 'h3';

  // When the button goes from under the keyboard, the focus stays on the card instead of falling to the page's top.
  const card = useRef<HTMLElement>(null);
  const focused = useRef(false);
  useLayoutEffect(() => {
    if (!state.claimable && focused.current) card.current?.focus({ preventScroll: true });
  }, [state.claimable]);

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- it only remembers where the focus is
    <article
      className={`panel ${css.card}`}
      aria-labelledby={heading}
      data-testid="room-card"
      data-resource={resource.id}
      data-tone={state.tone}
      data-hold-at={item.hold_at}
      data-live={marked ? marked.mark.is !== 'unchanged' : false}
      tabIndex={-1}
      ref={card}
      onFocus={() => void (focused.current = true)}
      onBlur={() => void (focused.current = false)}
    >
      <div className={css.top}>
        <div className={css.head}>
          <StateBadge tone={state.tone}>{state.label}</StateBadge>
          <ActionIcon
            variant="subtle"
            color={isFavourite ? 'yellow' : 'gray'}
            size={36}
            data-testid="favourite-button"
            className={css.star}
            aria-pressed={isFavourite}
            aria-label={t('card.favouriteNamed', { name: resource.name })}
            title={t('card.favourite')}
            onClick={() => onFavourite(resource.id)}
          >
            <Icon name="star" />
          </ActionIcon>
        </div>
        <Heading className={css.name} id={heading}>
          <Link to="/slots/$id" params={{ id: resource.id }} search={{ start: item.start, end: item.end } as never}>{resource.name}</Link>
        </Heading>
      </div>
      {dated && <TimeAndZone start={item.start} end={item.end} zone={resource.zone} />}
      {timed && item.free && (
        <p className={css.when} data-testid="card-time">
          <Icon name="clock" size={16} /> {writeClocks(item.start, item.end, resource.zone, i18n.language)}
        </p>
      )}
      <ul className={css.facts}>
        {resource.building && (
          <li>
            <Icon name="building" size={16} />
            {resource.building}
          </li>
        )}
        <li>
          <Icon name="seats" size={16} />
          {resource.seats === null ? t('card.seatsUnknown') : t('card.seats', { count: resource.seats })}
        </li>
        {resource.capacity !== null && resource.capacity > 1 && units !== null && (
          <li className={css.units}>{t('card.unitsFree', { free: units, capacity: resource.capacity })}</li>
        )}
        {resource.approval && (
          <li>
            <Icon name="check" size={16} />
            {t('card.approval')}
          </li>
        )}
      </ul>
      {resource.equipment.length > 0 && (
        <ul className={css.equipment} aria-label={t('search.equipment')}>
          {shown.map((one) => <li key={one}>{humanize(one)}</li>)}
          {rest.length > 0 && (
            <li title={rest.map(humanize).join(', ')}>
              <span aria-hidden="true">+{rest.length}</span>
              <VisuallyHidden>{rest.map(humanize).join(', ')}</VisuallyHidden>
            </li>
          )}
        </ul>
      )}
      <div className={css.foot}>
        {state.claimable ? (
          <>
            <Button
              fullWidth
              variant="light"
              size="md"
              data-testid="claim-button"
              aria-label={t('card.claimNamed', { name: resource.name })}
              onClick={() => onClaim(item)}
            >
              {t('card.claim')}
            </Button>
            <ActionIcon
              variant="default"
              size={42}
              data-testid="repeat-button"
              aria-label={t('card.repeatNamed', { name: resource.name })}
              title={t('card.repeat')}
              onClick={() => onRepeat(item)}
            >
              <Icon name="repeat" />
            </ActionIcon>
          </>
        ) : (
          <>
            <p className={css.words}>{state.words}</p>
            {canBeFreed(item, state.tone) && (
              <ActionIcon
                variant="default"
                size={42}
                data-testid="tell-me-button"
                aria-label={t('waitlist.watchNamed', { name: resource.name })}
                title={t('waitlist.watchTitle')}
                onClick={() => onWait(item)}
              >
                <Icon name="bell" />
              </ActionIcon>
            )}
          </>
        )}
      </div>
    </article>
  );
});

/** Somebody else has it, and may give it up; what is closed or too small does not become free. */
function canBeFreed({ reason, start }: SearchItem, tone: Tone): boolean {
  const taken = reason === null || reason.code === 'full' || reason.code === 'held_by_other' || reason.code === 'insufficient' || reason.code === 'waitlist_first';
  return (tone === 'taken' || tone === 'held') && taken && Date.parse(start) > serverNow();
}
