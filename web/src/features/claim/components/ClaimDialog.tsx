// The dialog between "Claim Room" and a booking. What is typed outlives a refusal: taking another room keeps it.
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Accepted, ProblemBody } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import type { Mark } from '../../live/marks';
import type { Filters } from '../../search/filters';
import type { Details, Target } from '../intention';
import { ClaimForm } from './ClaimForm';

interface Props {
  target: Target;
  filters: Filters;
  /** What has become of the room while the dialog is open. */
  mark: Mark | undefined;
  onTarget: (target: Target) => void;
  onClose: () => void;
  onBooked: (answer: Accepted, target: Target) => void;
  onRefused: (target: Target, problem: ProblemBody) => void;
}

export default function ClaimDialog({ target, filters, mark, onTarget, onClose, onBooked, onRefused }: Props) {
  const { t } = useTranslation();
  const [details, setDetails] = useState<Details>({ title: '', purpose: '', people: filters.people });
  const { resource } = target.item;
  return (
    <Sheet onClose={onClose} size={520} title={t('claim.title', { name: resource.name })} testId="claim-dialog">
      <ClaimForm
        // Another room or another time is another wish, with keys and a hold of its own.
        key={`${resource.id} ${target.item.start} ${target.item.end}`}
        target={target}
        filters={filters}
        details={details}
        onDetails={(change) => setDetails((old) => ({ ...old, ...change }))}
        mark={mark}
        onTake={(item, as_of) => onTarget({ item, as_of })}
        onClose={onClose}
        onBooked={(answer) => onBooked(answer, target)}
        onRefused={onRefused}
      />
    </Sheet>
  );
}
