// Opens the socket for the signed-in person and does what every screen wants: own bookings are read again when they
// change, and a refusal is told once.
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { announceConflict } from './announceConflict';
import { sinceAnswer } from '../../lib/http';
import { LiveClient } from './liveClient';
import type { LiveEvent } from './marks';

const LiveContext = createContext<LiveClient | null>(null);

/** A confirm holds for a moment only; reading the holds at once would make a row flash. */
const holds_settle_ms = 1_200;

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const { t } = useTranslation();
  const client = useMemo(() => new LiveClient(), []);

  useEffect(() => {
    let later: ReturnType<typeof setTimeout> | undefined;
    const stop = client.listen({
      event: (event) => {
        if (isMine(event)) {
          if ('booking' in event) {
            void queries.invalidateQueries({ queryKey: ['bookings'] });
            void queries.invalidateQueries({ queryKey: ['notices'] });
          }
          // What becomes of a hold by somebody else's word is told as a notice too.
          if (event.name === 'holdOverrode') void queries.invalidateQueries({ queryKey: ['notices'] });
          // So is what comes free for whoever waits.
          if ('entry' in event) for (const key of ['waitlist', 'notices']) void queries.invalidateQueries({ queryKey: [key] });
          clearTimeout(later);
          later = setTimeout(() => void queries.invalidateQueries({ queryKey: ['holds'] }), holds_settle_ms);
        }
      },
      conflict: (event) => announceConflict(t, event),
      signedOut: () => void queries.invalidateQueries({ queryKey: ['me'] }),
    });
    // After a gap nobody knows what was missed about one's own bookings.
    let wasLost = false;
    const unwatch = client.watchConnection(() => {
      const { state } = client.connection;
      if (state === 'live' && wasLost) for (const key of ['bookings', 'waitlist', 'holds', 'notices']) void queries.invalidateQueries({ queryKey: [key] });
      wasLost = state !== 'live';
    });
    // Without the library the page works, only without live changes; the connection state says so.
    void client.open().catch(() => {});
    return () => {
      stop();
      unwatch();
      clearTimeout(later);
      client.close();
    };
  }, [client, queries, t]);

  return <LiveContext value={client}>{children}</LiveContext>;
}

export function useLiveClient(): LiveClient {
  const client = useContext(LiveContext);
  if (!client) throw new Error('useLiveClient is used outside LiveProvider');
  return client;
}

/** Nothing is decided on what is older than this. */
const stale_ms = 30_000;

/** How old what is on screen is, in milliseconds, where that is too old to act on; asked for at the moment of acting. */
export function useStaleness(): () => number | null {
  const client = useContext(LiveContext);
  return useCallback(() => {
    if (!client || client.connection.state === 'live') return null;
    // Without a socket, what was read lately is as good.
    const age = sinceAnswer();
    return age > stale_ms ? age : null;
  }, [client]);
}

function isMine(event: LiveEvent): boolean {
  if (event.name === 'bookingHandedOver' && event.booking?.was_mine) return true;
  if ('booking' in event) return event.booking?.mine ?? false;
  if ('entry' in event) return event.entry?.mine ?? false;
  if ('hold' in event) return event.hold.mine;
  return false;
}
