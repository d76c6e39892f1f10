// What stands behind the # of a link, read once and taken out of the address: it stays in no history and is sent to nobody by itself.
import { useEffect, useState } from 'react';

export function useSecretOfAddress(): string {
  const [secret] = useState(() => window.location.hash.slice(1));
  useEffect(() => {
    if (secret !== '') window.history.replaceState(window.history.state, '', window.location.pathname);
  }, [secret]);
  return secret;
}
