// The details of one claim and where it stands: held, confirming, doubtful, refused.
import { Button, Textarea, TextInput } from '@mantine/core';
import { useEffect, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Accepted, ProblemBody, SearchItem } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { refusalSentence } from '../../../lib/refusals';
import { Trouble } from '../../bookings/components/Trouble';
import { Countdown } from '../../holds/components/Countdown';
import type { Mark } from '../../live/marks';
import type { Filters } from '../../search/filters';
import type { Details, Target } from '../intention';
import { useClaim, type ClaimState } from '../useClaim';
import { ConflictPanel } from './ConflictPanel';
import css from './ClaimForm.module.css';

interface Props {
  target: Target;
  filters: Filters;
  details: Details;
  onDetails: (change: Partial<Details>) => void;
  mark: Mark | undefined;
  onTake: (item: SearchItem, as_of: string) => void;
  onClose: () => void;
  onBooked: (answer: Accepted) => void;
  onRefused: (target: Target, problem: ProblemBody) => void;
}

export function ClaimForm({ target, filters, details, onDetails, mark, onTake, onClose, onBooked, onRefused }: Props) {
  const { t } = useTranslation();
  const claim = useClaim(target, { onBooked, onRefused });
  const { state, hold } = claim;
  const { resource, hold_at } = target.item;
  const working = state.is === 'working';
  const people = details.people;
  const pause = usePause(state);
  const checking = state.is === 'working' && state.progress === 'checking';
  const gone = state.is === 'refused' && state.problem.code === 'full';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void claim.confirm(details);
  };

  return (
    <form onSubmit={submit}>
      <div className={css.summary}>
        <p className={css.place}>
          {[resource.building, resource.seats !== null ? t('card.seats', { count: resource.seats }) : null].filter(Boolean).join(' · ')}
        </p>
        <TimeAndZone start={target.item.start} end={target.item.end} zone={resource.zone} />
        {resource.approval && <p className={css.place} data-testid="asks-approval"><Icon name="check" size={16} /> {t('claim.approval')}</p>}
      </div>

      {state.is === 'refused' && (
        <ConflictPanel problem={state.problem} refused={target.item} filters={filters} onTake={onTake} />
      )}
      {pause > 0 && <p className={css.soft}>{t('claim.othersHold', { count: pause })}</p>}
      {state.is !== 'refused' && !working && <Meanwhile mark={mark} />}
      {hold && !checking && (
        <div className={css.hold}>
          <span>
            <Icon name="lock" size={16} /> {t('claim.heldFor')}{' '}
            <Countdown key={hold.expires_at} granted_at={hold.granted_at} expires_at={hold.expires_at} onEnd={claim.expired} />
          </span>
          {hold.renewals_left > 0 ? (
            <Button size="compact-sm" variant="default" loading={claim.renewing} onClick={() => void claim.keepLonger()}>
              {t('claim.keepLonger')}
            </Button>
          ) : (
            <span className={css.soft}>{t('claim.renewalsOver')}</span>
          )}
        </div>
      )}

      {/* Nothing to fill in for a room that is gone; what was typed waits for the next one. */}
      <div className={css.fields} hidden={gone}>
        <TextInput
          label={t('claim.titleField')}
          description={t('claim.titleHint')}
          placeholder={t('claim.titlePlaceholder')}
          maxLength={200}
          data-autofocus={state.is === 'refused' ? undefined : true}
          disabled={working}
          value={details.title}
          onChange={(event) => onDetails({ title: event.currentTarget.value })}
        />
        <Textarea
          label={t('claim.purpose')}
          rows={2}
          maxLength={2000}
          disabled={working}
          value={details.purpose}
          onChange={(event) => onDetails({ purpose: event.currentTarget.value })}
        />
        <TextInput
          type="number"
          inputMode="numeric"
          min={1}
          label={t('claim.people')}
          disabled={working}
          value={people ?? ''}
          onChange={(event) => onDetails({ people: Number.parseInt(event.currentTarget.value, 10) || null })}
          error={people !== null && resource.seats !== null && people > resource.seats ? t('claim.peopleOver', { seats: resource.seats }) : undefined}
        />
      </div>

      <div className={css.doubt}>
        <Doubt state={state} />
      </div>

      <div className={css.foot}>
        <Button variant="default" size="md" onClick={onClose}>{gone || working || state.is === 'unknown' ? t('common.close') : t('common.cancel')}</Button>
        {confirmButton()}
      </div>
      <p role="status" aria-live="polite" className={css.status}>{statusWords()}</p>
    </form>
  );

  function confirmButton() {
    // What is taken is not offered again; the panel above says what is.
    if (gone) return null;
    if (state.is === 'refused' && hold_at === 'claim') {
      return (
        <Button size="md" onClick={() => void claim.holdAgain()}>
          {t('claim.holdAgain')}
        </Button>
      );
    }
    return (
      <Button
        type="submit"
        size="md"
        data-testid="confirm-button"
        // Not disabled while it works: focus stays where it is, and a second click does nothing.
        aria-disabled={working}
        disabled={state.is === 'holding'}
        leftSection={working ? <span className={css.spinner} aria-hidden="true" /> : undefined}
      >
        {working ? progressWords(state.progress) : restWords()}
      </Button>
    );
  }

  function restWords(): string {
    if (state.is === 'unknown') return t('claim.checkAgain');
    return state.is === 'refused' || state.is === 'failed' ? t('claim.confirmAgain') : t(resource.approval ? 'claim.ask' : 'claim.confirm');
  }

  function statusWords(): string {
    if (working) return progressWords(state.progress);
    return state.is === 'holding' ? t('claim.holding') : '';
  }

  function progressWords(progress: 'sending' | 'slow' | 'checking'): string {
    return { sending: t('claim.confirming'), slow: t('claim.slow'), checking: t('claim.checking') }[progress];
  }
}

/** What became of the room while the dialog was open. It says so, and leaves the decision to the person and the server. */
function Meanwhile({ mark }: { mark: Mark | undefined }) {
  const { t } = useTranslation();
  const words =
    mark?.is === 'taken'
      ? mark.owner
        ? t('claim.takenMeanwhile', { owner: mark.owner })
        : t('claim.takenMeanwhileNameless')
      : mark?.is === 'held'
        ? t('claim.heldMeanwhile')
        : mark?.is === 'blocked'
          ? t('card.blockedNow', { reason: mark.reason })
          : null;
  return (
    <div role="status" className={css.meanwhile}>
      {words && <Notice tone="few">{words}</Notice>}
    </div>
  );
}

/** What is not known, or proven to have changed nothing. */
function Doubt({ state }: { state: ClaimState }) {
  const { t } = useTranslation();
  if (state.is === 'working' && state.progress === 'checking') {
    return <Notice tone="few" title={t('claim.checking')}>{t('claim.checkingHint')}</Notice>;
  }
  if (state.is === 'unknown') {
    return <Notice urgent tone="few" icon="warning" title={t('claim.unknownTitle')}>{t('claim.unknown')}</Notice>;
  }
  if (state.is === 'stale') return <Trouble title="" trouble={{ end: 'stale', age_ms: state.age_ms }} />;
  if (state.is !== 'failed') return null;
  const [title, words] = state.problem
    ? [t('claim.failedTitle'), state.problem.code ? refusalSentence(t, { code: state.problem.code }) : t('claim.failed')]
    : [t('claim.neverArrivedTitle'), t('claim.neverArrived')];
  return <Notice urgent tone="few" icon="warning" title={title}>{words}</Notice>;
}

/** Seconds after which another's hold is over at the latest. */
function usePause(state: ClaimState): number {
  const asked = state.is === 'refused' && state.problem.code === 'held_by_other' ? (state.problem.retry_after ?? 0) : 0;
  const end = state.is === 'refused' ? state.at + asked * 1000 : 0;
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (asked <= 0) return;
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [asked]);
  return asked > 0 ? Math.min(Math.ceil(asked), Math.max(0, Math.ceil((end - now) / 1000))) : 0;
}
