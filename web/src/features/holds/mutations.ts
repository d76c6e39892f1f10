// Keeping and giving back a hold. Both carry its token, so they never touch another hold.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Accepted, Hold } from '../../api/types';
import { ask } from '../../lib/http';
import { uuidv7 } from '../../lib/uuidv7';

type Named = Pick<Hold, 'id' | 'token'>;

function change(hold: Named, what: 'renew' | 'release', key = uuidv7()): Promise<Accepted> {
  return ask<Accepted>(`/api/holds/${hold.id}/${what}`, { method: 'POST', key, body: { token: hold.token } });
}

export function useRenewHold() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (hold: Named) => change(hold, 'renew'),
    onSettled: () => queries.invalidateQueries({ queryKey: ['holds'] }),
  });
}

export function useReleaseHold() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (hold: Named) => change(hold, 'release'),
    onSettled: () => queries.invalidateQueries({ queryKey: ['holds'] }),
  });
}
