// Override mode: on for a quarter of an hour at the most, in this tab only, and plain to see on every page while it is on.
// It permits nothing: the server asks for a reason each time.
import { useSyncExternalStore } from 'react';

export const override_ms = 15 * 60_000;
const stored_name = 'slotwise-override-until';
const listeners = new Set<() => void>();

function read(): number {
  try {
    return Number(sessionStorage.getItem(stored_name)) || 0;
  } catch {
    return kept;
  }
}

let kept = 0;
let until = typeof sessionStorage === 'undefined' ? 0 : read();

function set(value: number): void {
  kept = value;
  until = value;
  try {
    if (value === 0) sessionStorage.removeItem(stored_name);
    else sessionStorage.setItem(stored_name, String(value));
  } catch {
    // Without storage the mode ends with the page.
  }
  for (const listener of listeners) listener();
}

export function beginOverride(now: number = Date.now()): void {
  set(now + override_ms);
}

export function endOverride(): void {
  set(0);
}

/** Milliseconds of the mode that are left; 0 if it is off. A clock set back makes it no longer than it may be. */
export function overrideLeft(now: number = Date.now()): number {
  return until - now > override_ms ? 0 : Math.max(0, until - now);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Until when it is on, on this device's clock; 0 is off. */
export function useOverrideUntil(): number {
  return useSyncExternalStore(subscribe, () => until);
}
