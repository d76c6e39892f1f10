// One socket for the whole page. Keeps the wanted resources subscribed through every reconnect, resumes after the last
// version heard, and hands on what is new. Knows nothing of screens.
import type { Socket } from 'socket.io-client';
import type { Board, ConflictEvent, Crowd, EventHead, Instant, Version } from '../../api/types';
import { readApiKey } from '../../lib/http';
import { noteServerTime, serverNow } from '../../lib/serverClock';
import type { LiveEvent } from './marks';
import { VersionGate } from './versions';

export type Connection = { state: 'connecting' } | { state: 'live' } | { state: 'reconnecting'; heard: number };

export interface LiveListener {
  event?: (event: LiveEvent) => void;
  conflict?: (event: ConflictEvent) => void;
  /** Whoever this was is let in no more. */
  signedOut?: () => void;
  /** What was missed cannot be told any more: read it again. */
  resync?: (resources: string[]) => void;
}

export interface BoardListener {
  /** The seconds since the last message, and everything else as it is now. */
  board: (board: Board) => void;
  crowd: (crowd: Crowd) => void;
  /** Told from now on: what was before is to be read. */
  watching: () => void;
}

interface SubscribeAnswer {
  subscribed: { id: string; epoch: number; version: number; resync: boolean }[];
  as_of: Instant;
}

/** All of them: one that is not listened for would look like a gap. */
const events: LiveEvent['name'][] = [
  'bookingCreated',
  'bookingCanceled',
  'bookingChanged',
  'bookingMoved',
  'holdGranted',
  'holdRenewed',
  'holdReleased',
  'holdExpired',
  'holdOverrode',
  'bookingCheckedIn',
  'bookingNoShow',
  'bookingDisplaced',
  'bookingHandedOver',
  'bookingOverrode',
  'bookingReminded',
  'waitlistJoined',
  'waitlistChanged',
  'waitlistOffered',
  'waitlistPromoted',
  'waitlistLeft',
  'resourceCreated',
  'resourceChanged',
  'resourceClosed',
  'resourceReopened',
  'overCommitLowered',
  'blockAdded',
  'blockRemoved',
];
const watched_max = 500;
const ack_timeout_ms = 5_000;
const comeback_ms = 2_000;

export class LiveClient {
  #socket: Socket | null = null;
  #closed = false;
  readonly #gate = new VersionGate();
  readonly #listeners = new Set<LiveListener>();
  readonly #watchers = new Set<() => void>();
  #board: BoardListener | null = null;
  #wanted = new Set<string>();
  #subscribed = new Set<string>();
  #connection: Connection = { state: 'connecting' };
  #comeback: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;

  /** The library is fetched beside the first paint, not before it. */
  async open(): Promise<void> {
    this.#closed = false;
    const { io } = await import('socket.io-client');
    if (this.#closed || this.#socket) return;
    const socket = io({
      path: '/socket.io',
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      auth: (give) => give({ token: readApiKey() ?? undefined }),
      reconnectionDelay: 300,
      reconnectionDelayMax: 5_000,
      autoConnect: false,
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#set({ state: 'live' });
      this.#subscribed.clear();
      void this.#subscribe([...this.#wanted]);
      void this.#watchBoard();
    });
    socket.on('signedOut', () => this.#listeners.forEach((listener) => listener.signedOut?.()));
    socket.on('disconnect', (reason) => {
      this.#lost();
      // The server lets go of a socket that cannot keep up; the library leaves coming back to us then.
      if (reason === 'io server disconnect') this.#comeBack();
    });
    socket.on('connect_error', () => {
      this.#lost();
      if (!socket.active) this.#comeBack();
    });
    for (const name of events) {
      socket.on(name, (body: EventHead) => this.#hear({ name, ...body } as LiveEvent));
    }
    socket.on('bookingConflict', (body: ConflictEvent) => {
      for (const listener of this.#listeners) listener.conflict?.(body);
    });
    socket.on('board', (body: Board) => {
      noteServerTime(body.as_of);
      this.#board?.board(body);
    });
    socket.on('crowd', (body: Crowd) => this.#board?.crowd(body));
    // The system knows at once that the line is down; the socket's own heartbeat takes half a minute.
    window.addEventListener('offline', this.#offline);
    socket.on('resync', () => this.#resync([...this.#wanted]));
    socket.connect();
  }

  readonly #offline = (): void => {
    this.#socket?.io.engine?.close();
  };

  close(): void {
    clearTimeout(this.#comeback);
    clearTimeout(this.#again);
    this.#closed = true;
    window.removeEventListener('offline', this.#offline);
    this.#socket?.disconnect();
    this.#socket = null;
  }

  listen(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Says which resources are on screen, each with the version its card shows. Replaces what was wanted before. */
  want(resources: Map<string, Version>): void {
    const ids = [...resources.keys()].slice(0, watched_max);
    for (const id of ids) this.#gate.start(id, resources.get(id)!);
    const next = new Set(ids);
    const gone = [...this.#wanted].filter((id) => !next.has(id));
    this.#wanted = next;
    for (const id of gone) {
      this.#gate.forget(id);
      this.#subscribed.delete(id);
    }
    if (!this.#socket?.connected) return;
    if (gone.length > 0) void this.#emit('unsubscribe', { resources: gone });
    void this.#subscribe(ids.filter((id) => !this.#subscribed.has(id)));
  }

  /** One screen at a time watches the board, through every reconnect. */
  watchBoard(listener: BoardListener): () => void {
    this.#board = listener;
    void this.#watchBoard();
    return () => {
      if (this.#board !== listener) return;
      this.#board = null;
      if (this.#socket?.connected) void this.#emit('leaveBoard', null);
    };
  }

  get connection(): Connection {
    return this.#connection;
  }

  readonly watchConnection = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  };

  readonly getConnection = (): Connection => this.#connection;

  async #watchBoard(): Promise<void> {
    const listener = this.#board;
    if (!listener || !this.#socket?.connected) return;
    const answer = (await this.#emit('watchBoard', null)) as { watching?: boolean } | null;
    if (answer?.watching) listener.watching();
  }

  async #subscribe(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) this.#subscribed.add(id);
    const resources = ids.map((id) => {
      const after = this.#gate.last(id);
      return after ? { id, after } : { id };
    });
    const answer = (await this.#emit('subscribe', { resources })) as SubscribeAnswer | null;
    if (!answer?.subscribed) {
      for (const id of ids) this.#subscribed.delete(id);
      this.#subscribeLater();
      return;
    }
    noteServerTime(answer.as_of);
    this.#resync(answer.subscribed.filter((one) => one.resync).map((one) => one.id));
  }

  /** The server was too busy to subscribe us: asks again for whatever is wanted by then. */
  #subscribeLater(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (this.#socket?.connected) void this.#subscribe([...this.#wanted].filter((id) => !this.#subscribed.has(id)));
    }, comeback_ms);
  }

  #resync(ids: string[]): void {
    if (ids.length === 0) return;
    // Read anew, then subscribed from the version that the answer states.
    for (const id of ids) {
      this.#gate.forget(id);
      this.#subscribed.delete(id);
    }
    for (const listener of this.#listeners) listener.resync?.(ids);
  }

  async #emit(name: string, body: unknown): Promise<unknown> {
    // An acknowledgement that does not come is made up for by the next reconnect.
    return this.#socket
      ?.timeout(ack_timeout_ms)
      .emitWithAck(name, body)
      .catch(() => null);
  }

  #hear(event: LiveEvent): void {
    noteServerTime(event.as_of);
    const verdict = this.#gate.judge(event.resource, event);
    if (verdict === 'old') return;
    for (const listener of this.#listeners) listener.event?.(event);
    // Own bookings are told unasked; only what is on screen can have missed something.
    if (verdict === 'gap' && this.#wanted.has(event.resource)) {
      for (const listener of this.#listeners) listener.resync?.([event.resource]);
    }
  }

  #comeBack(): void {
    clearTimeout(this.#comeback);
    this.#comeback = setTimeout(() => this.#socket?.connect(), comeback_ms);
  }

  #lost(): void {
    if (this.#connection.state !== 'reconnecting') this.#set({ state: 'reconnecting', heard: serverNow() });
  }

  #set(connection: Connection): void {
    this.#connection = connection;
    for (const watcher of this.#watchers) watcher();
  }
}
