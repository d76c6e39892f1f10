// What the cells of the timeline mean. Always in sight beside them.
import { useTranslation } from 'react-i18next';
import { Icon } from '../../../components/icons';
import { cellStates } from '../timeline';
import { signs } from '../words';
import css from './Grid.module.css';

export function Legend({ shared }: { shared: boolean }) {
  const { t } = useTranslation();
  return (
    <ul className={css.legend} aria-label={t('timeline.legend')} data-testid="timeline-legend">
      {cellStates.map((state) => (
        <li key={state}>
          <span className={css.swatch} data-state={state}>{signs[state] && <Icon name={signs[state]} size={13} />}</span>
          {t(`timeline.states.${state}`)}
        </li>
      ))}
      {shared &&
        [1, 2, 3, 4, 5].map((step) => (
          <li key={step}>
            <span className={css.swatch} data-state={step === 5 ? 'booked' : 'free'} data-heat={step} />
            {step === 5 ? t('timeline.full', { waiting: 0 }) : `≤ ${step * 25} %`}
          </li>
        ))}
    </ul>
  );
}
