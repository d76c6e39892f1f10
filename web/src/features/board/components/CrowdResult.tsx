// What became of a crowd: the tally, who has the room, and the first decisions in the order in which they were made.
import { useTranslation } from 'react-i18next';
import type { Crowd, Decided } from '../../../api/types';
import { StateBadge, type Tone } from '../../../components/StateBadge';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { regional, writeClock } from '../../../lib/times';
import { isOnItsWay } from '../board';
import css from './Crowd.module.css';

const tones: Record<string, Tone> = { BOOKED: 'free', ACCEPTED: 'yours', REJECTED: 'taken', FAILED: 'few' };
const names_max = 5;

export function CrowdResult({ crowd }: { crowd: Crowd | null }) {
  const { t, i18n } = useTranslation();
  if (!crowd) {
    return (
      <section className={`panel ${css.panel}`} aria-labelledby="crowd-result">
        <h2 className={css.title} id="crowd-result">{t('board.result')}</h2>
        <p className={css.lead}>{t('board.nobodySent')}</p>
      </section>
    );
  }
  const write = (value: number) => value.toLocaleString(regional(i18n.language));
  const ms = (value: number) => t('board.ms', { value: value.toLocaleString(regional(i18n.language), { maximumFractionDigits: 1 }) });
  const done = !isOnItsWay(crowd);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="crowd-result" data-testid="crowd" data-state={crowd.state}>
      <h2 className={css.title} id="crowd-result">{t('board.resultOf', { name: crowd.name })}</h2>
      <TimeAndZone start={crowd.start} end={crowd.end} zone={crowd.zone} />
      <p className={css.won} role="status" data-testid="who-won">{done ? whoWon(crowd) : progress(crowd)}</p>
      <ul className={css.tally} data-testid="tally">
        {crowd.tally.map(({ outcome, code, count }) => (
          <li key={outcome + (code ?? '')} data-outcome={outcome} data-code={code ?? ''}>
            <span className={css.count}>{write(count)}</span>
            <StateBadge tone={tones[outcome] ?? 'off'}>{code ? `${outcome} ${code}` : outcome}</StateBadge>
          </li>
        ))}
      </ul>
      {crowd.answered > 0 && (
        <dl className={css.facts}>
          <Fact name={t('board.answered')} value={`${write(crowd.answered)} / ${write(crowd.people)}`} />
          <Fact name={t('board.firstToLast')} value={ms(crowd.answers_took_ms)} />
          <Fact name={t('board.p50')} value={ms(crowd.p50_ms)} />
          <Fact name={t('board.p99')} value={ms(crowd.p99_ms)} />
          {crowd.on_record !== null && <Fact name={t('board.onRecord')} value={write(crowd.on_record)} />}
          <Fact name={t('board.unitsPeak')} value={`${write(crowd.units_peak)} / ${crowd.capacity === null ? '∞' : write(crowd.capacity)}`} />
          {crowd.then_cancel && <Fact name={t('board.cancelled')} value={write(crowd.cancelled)} />}
        </dl>
      )}
      {crowd.sequence.length > 0 && (
        <>
          <h3 className={css.subtitle} id="crowd-sequence">{t('board.sequence', { count: crowd.sequence.length })}</h3>
          <p className={css.hint}>{t('board.sequenceHint')}</p>
          <ol className={css.sequence} aria-labelledby="crowd-sequence">
            {crowd.sequence.map((one) => <Step key={`${one.person}-${one.version}`} one={one} crowd={crowd} />)}
          </ol>
        </>
      )}
    </section>
  );

  function whoWon({ state, winners, capacity }: Crowd): string {
    if (state === 'stopped') return t('board.stopped');
    if (winners.length === 0) return t('board.nobodyWon');
    const named = winners.slice(0, names_max).map((one) => one.person);
    const list = new Intl.ListFormat(i18n.language).format(named);
    const rest = winners.length - named.length;
    if (winners.length === 1) return t('board.oneWon', { person: list, others: write(crowd!.people - 1) });
    return rest > 0 ? t('board.manyWon', { list, rest, count: winners.length }) : t('board.someWon', { list, count: winners.length, capacity });
  }

  function progress({ state, gathered, answered, people }: Crowd): string {
    if (state === 'gathering') return t('board.gathering', { done: write(gathered), all: write(people) });
    if (state === 'cancelling') return t('board.cancelling');
    return t('board.running', { done: write(answered), all: write(people) });
  }
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Step({ one, crowd }: { one: Decided; crowd: Crowd }) {
  const { t, i18n } = useTranslation();
  const clock = (at: string) => writeClock(at, crowd.zone, i18n.language);
  return (
    <li data-outcome={one.outcome}>
      <span className={css.person}>{one.person}</span>
      {crowd.overlapping && <span className={css.wish}>{clock(one.start)}–{clock(one.end)}</span>}
      <StateBadge tone={tones[one.outcome] ?? 'off'}>{one.code ? `${one.outcome} ${one.code}` : one.outcome}</StateBadge>
      <span className={css.wish}>{t(one.outcome === 'REJECTED' ? 'board.refusedAt' : 'board.madeVersion', { version: one.version })}</span>
    </li>
  );
}
