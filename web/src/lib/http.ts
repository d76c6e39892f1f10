// The one way this page talks to the server. Turns every answer into data, a Problem (the server said no)
// or a LostAnswer (nobody said anything). Never sends a request twice by itself.
import type { ProblemBody } from '../api/types';
import { noteServerTime } from './serverClock';

const key_name = 'slotwise-api-key';

/** The server answered, and it was not a success. */
export class Problem extends Error {
  constructor(readonly body: ProblemBody) {
    super(body.detail ?? body.title);
    this.name = 'Problem';
  }

  get code(): string {
    return this.body.code ?? '';
  }

  get status(): number {
    return this.body.status;
  }
}

/** No answer came: the request may or may not have been carried out. */
export class LostAnswer extends Error {
  constructor() {
    super('no answer');
    this.name = 'LostAnswer';
  }
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  /** The idempotency key of a changing request. */
  key?: string;
  /** The version that is edited; another's edit since is refused. */
  ifMatch?: number;
  signal?: AbortSignal;
}

let answered_at = performance.now();

/** How long ago the server last said anything over HTTP, in milliseconds. */
export function sinceAnswer(): number {
  return performance.now() - answered_at;
}

export async function ask<Answer>(path: string, { method = 'GET', body, key, ifMatch, signal }: Ask = {}): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const apiKey = readApiKey();
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  if (ifMatch !== undefined) headers['If-Match'] = `"${ifMatch}"`;

  const response = await fetch(path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
    credentials: 'same-origin',
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new LostAnswer();
  });
  answered_at = performance.now();
  if (response.status === 204) return undefined as Answer;

  const text = await response.text().catch(() => {
    throw new LostAnswer();
  });
  const data = parse(text);
  noteServerTime((data as { as_of?: string } | null)?.as_of);
  if (response.ok && data !== null) return data as Answer;
  // A proxy's page or a cut body says nothing about what the server did.
  if (data === null && (response.ok || response.status >= 500)) throw new LostAnswer();
  throw new Problem({ title: response.statusText, ...(data as object | null), status: response.status });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function readApiKey(): string | null {
  try {
    return sessionStorage.getItem(key_name);
  } catch {
    return null;
  }
}

export function keepApiKey(value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key_name);
    else sessionStorage.setItem(key_name, value);
  } catch {
    // Without storage the key lasts no longer than this page; nothing else is lost.
  }
}
