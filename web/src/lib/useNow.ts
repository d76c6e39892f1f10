// The server's clock as a value that moves on, for what is shown by it. Ticks only as often as it is asked to.
import { useEffect, useState } from 'react';
import { serverNow } from './serverClock';

export function useNow(tick_ms = 1_000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), tick_ms);
    return () => clearInterval(timer);
  }, [tick_ms]);
  return now;
}
