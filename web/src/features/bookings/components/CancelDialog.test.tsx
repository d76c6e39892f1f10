// The dialog as somebody fills it in, and what it sends for it. What the server makes of that is tried elsewhere.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { I18nextProvider } from 'react-i18next';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Booking } from '../../../api/types';
import { i18n } from '../../../lib/i18n';
import CancelDialog from './CancelDialog';

const line = { resource: 'r', name: 'Room 1', start: '2026-11-24T09:00:00Z', end: '2026-11-24T10:00:00Z', zone: 'UTC', units: 1 };
const booking = (mine: boolean) => ({ id: 'b', title: 'Physics', lines: [line], mine, state: 'confirmed' }) as unknown as Booking;

let root: Root;
let sent: { path: string; body: unknown }[];
const onClose = vi.fn();

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  sent = [];
  onClose.mockClear();
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    sent.push({ path, body: JSON.parse(String(init.body)) });
    return new Response(JSON.stringify({ outcome: 'ACCEPTED' }), { headers: { 'Content-Type': 'application/json' } });
  });
  const place = document.createElement('div');
  document.body.append(place);
  root = createRoot(place);
});

afterEach(async () => {
  await act(async () => root.unmount());
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

async function open(mine: boolean) {
  await act(async () => {
    root.render(
      <MantineProvider env="test">
        <I18nextProvider i18n={i18n}>
          <QueryClientProvider client={new QueryClient()}>
            <CancelDialog booking={booking(mine)} onClose={onClose} />
          </QueryClientProvider>
        </I18nextProvider>
      </MantineProvider>,
    );
  });
}

const reason = () => document.querySelector<HTMLTextAreaElement>('[data-testid="cancel-reason"]');

async function write(text: string) {
  const field = reason()!;
  // React looks for what the element itself was given.
  const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value')!.set!;
  await act(async () => {
    set.call(field, text);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

async function confirm() {
  const button = document.querySelector<HTMLButtonElement>('[data-testid="cancel-confirm-button"]')!;
  await act(async () => {
    button.click();
    await new Promise((done) => setTimeout(done, 20));
  });
  return button;
}

describe('cancelling', () => {
  it('of one\'s own asks for no reason', async () => {
    await open(true);
    expect(reason()).toBeNull();
    await confirm();
    expect(sent).toEqual([{ path: '/api/bookings/b/cancel', body: {} }]);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('of another\'s sends nothing before it is said why, and then the reason', async () => {
    await open(false);
    expect(document.body.textContent).not.toContain(i18n.t('bookings.whyMissing'));
    expect((await confirm()).getAttribute('aria-disabled')).toBe('true');
    await write('   ');
    await confirm();
    expect(sent).toEqual([]);
    expect(document.body.textContent).toContain(i18n.t('bookings.whyMissing'));
    await write(' Ann is ill. ');
    expect((await confirm()).getAttribute('aria-disabled')).toBe('false');
    expect(sent).toEqual([{ path: '/api/bookings/b/cancel', body: { reason: 'Ann is ill.' } }]);
    expect(onClose).toHaveBeenCalledOnce();
  });
});
