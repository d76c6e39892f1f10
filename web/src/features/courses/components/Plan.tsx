// The plan: what registering for each line would come to, what can be had instead, when it opens, and registering for all of it.
// A plan holds no seat, and a check keeps none.
import { ActionIcon, Button, Radio } from '@mantine/core';
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fix, PlanContract, PlanLine, Registered, RegisteredPlan, Resource, Section } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import { StateBadge } from '../../../components/StateBadge';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { viewerZone, writeInstant, writeLength } from '../../../lib/times';
import { useNow } from '../../../lib/useNow';
import { uuidv7 } from '../../../lib/uuidv7';
import type { Wish } from '../../waitlist/components/JoinDialog';
import { useCheck } from '../queries';
import css from './Courses.module.css';

interface Props {
  lines: PlanLine[];
  /** What the catalogue beside it knows already. */
  listed: Section[];
  keepTrouble: unknown;
  onKeep: (lines: PlanLine[]) => void;
  onWait: (wish: Wish) => void;
}

export function Plan({ lines, listed, keepTrouble, onKeep, onWait }: Props) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const check = useCheck(lines);
  const [contract, setContract] = useState<PlanContract>('line_by_line');
  const [result, setResult] = useState<RegisteredPlan | null>(null);
  const [trouble, setTrouble] = useState<'lost' | { detail: string } | null>(null);
  const [busy, setBusy] = useState(false);
  // The same wish keeps its keys, since it may have arrived: sent again, it is answered again.
  const wish = useRef({ asked: '', keys: [] as string[] });
  const nameOf = useNames(lines, listed, [...(check.data?.lines ?? []), ...(result?.attempts ?? [])].flatMap(({ fixes }) => fixes ?? []));
  const now = useNow(1_000);

  const checked = check.data;
  const opensAt = checked?.lines.map((line) => line.opens_at).filter((at): at is string => at !== null && Date.parse(at) > now).toSorted().at(-1) ?? null;
  const zone = listed.find((one) => lines.some((line) => line.sections.includes(one.id)))?.zone ?? viewerZone;

  async function register() {
    if (busy || opensAt) return;
    const asked = JSON.stringify([contract, lines]);
    if (wish.current.asked !== asked) wish.current = { asked, keys: (contract === 'line_by_line' ? lines : ['all']).map(() => uuidv7()) };
    setBusy(true);
    setTrouble(null);
    try {
      const answer = await ask<RegisteredPlan>('/api/plan/register', { method: 'POST', body: { contract, keys: wish.current.keys, lines } });
      wish.current = { asked: '', keys: [] };
      setResult(answer);
      const had = new Set(answer.attempts.filter((one) => one.outcome === 'BOOKED').flatMap((one) => one.sections));
      if (had.size > 0) onKeep(lines.filter((line) => !line.sections.every((id) => had.has(id))));
    } catch (cause) {
      setTrouble(cause instanceof LostAnswer ? 'lost' : { detail: cause instanceof Problem ? refusalSentence(t, cause.body) : t('refusal.other') });
    } finally {
      setBusy(false);
      for (const key of ['courses', 'bookings', 'plan-check', 'waitlist', 'resource']) void queries.invalidateQueries({ queryKey: [key] });
    }
  }

  function take(index: number, fix: Fix) {
    if (fix.fix === 'wait') {
      const section = listed.find((one) => one.id === fix.sections[0]);
      onWait({ resource: fix.sections[0]!, start: section?.interval?.start ?? '', end: section?.interval?.end ?? '', timed: false });
      return;
    }
    const old = lines[index]!.sections;
    const sections = fix.fix === 'add' ? [...new Set([...old, ...fix.sections])] : fix.sections;
    onKeep(lines.map((line, at) => (at === index ? { sections } : line)));
  }

  return (
    <div className={`panel ${css.basket}`} data-testid="plan">
      <h2 className={css.name}>{t('courses.plan')}</h2>
      {lines.length === 0 && <div className={css.soft}><strong>{t('courses.planEmptyTitle')}</strong><p style={{ margin: 0 }}>{t('courses.planEmpty')}</p></div>}
      <p className={css.soft} hidden={lines.length === 0}>{checked ? t('courses.planCredits', { count: checked.credits }) : t('courses.planHolds')}</p>
      {keepTrouble instanceof Error && <Notice urgent tone="few" icon="warning" title={t('courses.notKept')}>{keepTrouble instanceof Problem && keepTrouble.status === 412 ? t('courses.keptElsewhere') : t('common.noAnswer')}</Notice>}
      <ol className={css.lines}>
        {lines.map((line, index) => {
          const said = checked?.lines[index]?.sections.join() === line.sections.join() ? checked.lines[index]! : null;
          const name = line.sections.map(nameOf).join(' + ');
          return (
            <li key={line.sections.join()} className={css.line} data-testid="plan-line" data-would={said?.would ?? ''} data-code={said?.reason?.code ?? ''}>
              <div className={css.lineHead}>
                <span className={css.title}>{name}</span>
                <ActionIcon variant="subtle" color="gray" size={32} aria-label={t('courses.unplanNamed', { name })} onClick={() => onKeep(lines.filter((_, at) => at !== index))}>
                  <Icon name="cross" size={16} />
                </ActionIcon>
              </div>
              {said && (
                <div className={css.verdict} role="status">
                  <StateBadge tone={said.would === 'BOOKED' ? 'free' : 'taken'}>{t(said.would === 'BOOKED' ? 'courses.wouldWork' : 'courses.wouldFail')}</StateBadge>
                  {said.reason && <span className={css.soft}>{refusalSentence(t, said.reason)}</span>}
                  {said.clashes_with.length > 0 && (
                    <span className={css.soft}>{t('courses.clashes', { names: said.clashes_with.map((at) => lines[at]?.sections.map(nameOf).join(' + ') ?? '').join(', ') })}</span>
                  )}
                </div>
              )}
              {said && said.fixes.length > 0 && <Fixes fixes={said.fixes} nameOf={nameOf} onTake={(fix) => take(index, fix)} />}
            </li>
          );
        })}
      </ol>
      {check.isError && <Notice tone="few" icon="warning" title={t('courses.notChecked')}>{t('common.noAnswer')}</Notice>}
      {lines.length > 0 && (
        <>
          <Radio.Group label={t('courses.how')} value={contract} onChange={(value) => setContract(value as PlanContract)}>
            <Radio value="line_by_line" label={t('courses.lineByLine')} py={4} />
            <Radio value="all_or_nothing" label={t('courses.allOrNothing')} py={4} />
          </Radio.Group>
          {opensAt && (
            <p className={css.opens} data-testid="opens">
              {t('courses.opens', { time: writeInstant(opensAt, zone, i18n.language) })}
              <strong role="timer" className={css.timer}>{writeLength(Date.parse(opensAt) - now, i18n.language)}</strong>
            </p>
          )}
          <Button fullWidth size="md" data-testid="register-all" aria-disabled={busy || opensAt !== null} onClick={() => void register()}>
            {busy ? t('claim.confirming') : trouble === 'lost' ? t('claim.checkAgain') : t('courses.registerAll', { count: lines.length })}
          </Button>
        </>
      )}
      {trouble && <Notice urgent tone="few" icon="warning" title={trouble === 'lost' ? t('claim.unknownTitle') : t('courses.notRegistered')}>{trouble === 'lost' ? t('courses.lost') : trouble.detail}</Notice>}
      {result && <Results result={result} nameOf={nameOf} onTake={(attempt, fix) => take(Math.max(0, lines.findIndex((line) => line.sections.join() === attempt.sections.join())), fix)} />}
    </div>
  );
}

function Fixes({ fixes, nameOf, onTake }: { fixes: Fix[]; nameOf: (id: string) => string; onTake: (fix: Fix) => void }) {
  const { t } = useTranslation();
  return (
    <div className={css.fixes}>
      {fixes.map((fix) => (
        <Button key={`${fix.fix} ${fix.sections.join()}`} size="compact-sm" variant="light" data-testid="fix" data-fix={fix.fix} onClick={() => onTake(fix)}>
          {t(`courses.fix.${fix.fix}`, { name: fix.sections.map(nameOf).join(' + ') })}
        </Button>
      ))}
    </div>
  );
}

function Results({ result, nameOf, onTake }: { result: RegisteredPlan; nameOf: (id: string) => string; onTake: (attempt: Registered, fix: Fix) => void }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-live="polite" className={css.results} data-testid="results">
      <h3 className={css.title}>{t('courses.results')}</h3>
      <ul className="plain">
        {result.attempts.map((one) => {
          const booked = one.outcome === 'BOOKED' || one.outcome === 'ACCEPTED';
          return (
            <li key={one.sections.join()} className={css.line} data-testid="result" data-outcome={one.outcome} data-code={one.code ?? ''}>
              <span className={css.title}>{one.sections.map(nameOf).join(' + ')}</span>
              <div className={css.verdict}>
                <StateBadge tone={booked ? 'yours' : 'taken'}>{booked ? t('courses.registered') : t('courses.notRegistered')}</StateBadge>
                {!booked && <span className={css.soft}>{refusalSentence(t, one)}</span>}
              </div>
              {!booked && one.fixes.length > 0 && <Fixes fixes={one.fixes} nameOf={nameOf} onTake={(fix) => onTake(one, fix)} />}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Sections are named by id; those that the catalogue does not show are read one by one. */
function useNames(lines: PlanLine[], listed: Section[], fixes: Fix[]): (id: string) => string {
  const known = new Map(listed.map((one) => [one.id, one.name]));
  const ids = [...new Set([...lines, ...fixes].flatMap(({ sections }) => sections))].filter((id) => !known.has(id));
  const read = useQueries({
    queries: ids.map((id) => ({ queryKey: ['resource', id], queryFn: () => ask<Resource>(`/api/resources/${id}`), staleTime: 300_000 })),
  });
  const names = new Map(ids.map((id, index) => [id, read[index]?.data?.name]));
  return (id) => known.get(id) ?? names.get(id) ?? '…';
}
