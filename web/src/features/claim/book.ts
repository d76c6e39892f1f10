// Books what was claimed: by policy with a hold first, with the hold that the dialog took, or at once.
import type { Accepted, AttemptRecord, BookingRequest, HoldRequest } from '../../api/types';
import { settleAttempt, type Progress, type Settled } from '../../lib/attempt';
import { ask, type Ask } from '../../lib/http';
import type { Details, Intention, Target } from './intention';

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export function lookUpAttempt(key: string): Promise<AttemptRecord> {
  return ask<AttemptRecord>(`/api/attempts/${key}`);
}

export function sendAttempt(
  path: string,
  key: string,
  body: unknown,
  tell: (progress: Progress) => void,
  { method = 'POST', ifMatch }: Pick<Ask, 'method' | 'ifMatch'> = {},
): Promise<Settled> {
  return settleAttempt({
    send: () => ask<Accepted>(path, { method, key, body, ...(ifMatch === undefined ? {} : { ifMatch }) }),
    lookUp: () => lookUpAttempt(key),
    wait,
    tell,
  });
}

export function takeHold(target: Target, intention: Intention, tell: (progress: Progress) => void): Promise<Settled> {
  const { item, as_of } = target;
  const request: HoldRequest = {
    resource: item.resource.id,
    start: item.start,
    end: item.end,
    units: 1,
    ...(as_of ? { seen: { epoch: item.epoch, version: item.version, as_of } } : {}),
  };
  return sendAttempt('/api/holds', intention.holdKey, request, tell);
}

/** Takes the hold where the policy wants one at confirm, then books with it. The first end that is no success is told. */
export async function book(
  target: Target,
  details: Details,
  intention: Intention,
  tell: (progress: Progress) => void,
): Promise<Settled> {
  if (target.item.hold_at !== 'none' && !intention.hold) {
    const held = await takeHold(target, intention, tell);
    if (held.end !== 'accepted') return held;
    intention.hold = held.answer.hold ?? null;
  }
  return sendAttempt('/api/bookings', intention.bookKey, bookingRequest(target, details, intention), tell);
}

function bookingRequest({ item, as_of }: Target, details: Details, { hold }: Intention): BookingRequest {
  return {
    // The instants that the server itself made of the searched time: what was shown is what is booked.
    lines: [{ resource: item.resource.id, start: item.start, end: item.end, units: 1 }],
    ...(details.title.trim() ? { title: details.title.trim() } : {}),
    ...(details.purpose.trim() ? { purpose: details.purpose.trim() } : {}),
    ...(details.people ? { people: details.people } : {}),
    ...(hold ? { hold: { id: hold.id, token: hold.token } } : {}),
    ...(as_of ? { seen: { epoch: item.epoch, version: item.version, as_of } } : {}),
  };
}
