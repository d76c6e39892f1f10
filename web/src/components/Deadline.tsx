// An instant that decides something: when it is, with its zone, and how long that still is by the server's clock; live in its last hour.
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../lib/serverClock';
import { useNow } from '../lib/useNow';
import { writeInstant, writeLength } from '../lib/times';

const hour_ms = 3_600_000;

interface Props {
  at: string;
  zone: string;
  /** The key of the sentence around `{time}`. */
  says: string;
}

export function Deadline({ at, zone, says }: Props) {
  const { t, i18n } = useTranslation();
  const end = Date.parse(at);
  const [near] = useState(() => end - serverNow() < 2 * hour_ms);
  const now = useNow(near ? 1_000 : 60_000);
  const time = writeInstant(at, zone, i18n.language);
  const left = end - now;
  return <span className="deadline">{t(says, { time })}{left > 0 && ` (${t('common.in', { length: writeLength(left, i18n.language) })})`}</span>;
}
