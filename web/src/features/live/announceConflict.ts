// Tells the person once that they lost a race, whichever comes first: the HTTP answer or the socket's message.
import { notifications } from '@mantine/notifications';
import type { TFunction } from 'i18next';
import { isLostRace, refusalSentence, type Refusal } from '../../lib/refusals';

const remembered_max = 200;
const announced = new Set<string>();

export function announceConflict(t: TFunction, refusal: Refusal & { attempt?: string | null; message?: string }): void {
  const { attempt } = refusal;
  if (attempt) {
    if (announced.has(attempt)) return;
    announced.add(attempt);
    if (announced.size > remembered_max) announced.delete(announced.values().next().value!);
  }
  notifications.show({
    ...(attempt ? { id: `conflict-${attempt}` } : {}),
    title: isLostRace(refusal.code) ? t('conflict.toastTitle') : t('claim.refusedTitle'),
    message: refusalSentence(t, { ...refusal, detail: refusal.detail ?? refusal.message }),
    color: 'red',
    autoClose: 8_000,
    closeButtonProps: { 'aria-label': t('common.dismiss') },
  });
}
