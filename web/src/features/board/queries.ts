// Reads the board and listens to it; sends crowds. The socket tells each second; without it the board is read again and again.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { Board, BoardSecond, Crowd, CrowdRequest, Page, Resource, ScheduleItem } from '../../api/types';
import { ask, Problem } from '../../lib/http';
import { serverNow } from '../../lib/serverClock';
import { useLiveClient } from '../live/LiveProvider';
import { crowdOf, furtherOn, joinSeconds } from './board';

const without_socket_ms = 2_000;
const pages_max = 5;
const ahead_hours = 7 * 24;

interface Heard {
  board: Board | null;
  seconds: BoardSecond[];
  crowd: Crowd | null;
}

export function useBoard() {
  const client = useLiveClient();
  const connection = useSyncExternalStore(client.watchConnection, client.getConnection);
  const read = useQuery({
    queryKey: ['board'],
    queryFn: ({ signal }) => ask<Board>('/api/board', { signal }),
    staleTime: 0,
    gcTime: 0,
    refetchInterval: connection.state === 'live' ? false : without_socket_ms,
    retry: (failures, cause) => failures < 2 && !(cause instanceof Problem),
  });
  const [heard, setHeard] = useState<Heard>({ board: null, seconds: [], crowd: null });
  const noteCrowd = useCallback((crowd: Crowd) => setHeard((old) => ({ ...old, crowd: furtherOn(crowd, old.crowd) })), []);
  const { refetch, isSuccess } = read;

  useEffect(() => {
    // Whoever may not read it need not ask to be told.
    if (!isSuccess) return;
    return client.watchBoard({
      board: (board) =>
        setHeard((old) => ({ board, seconds: joinSeconds(old.seconds, board.seconds), crowd: furtherOn(crowdOf(board), old.crowd) })),
      crowd: noteCrowd,
      watching: () => void refetch(),
    });
  }, [client, isSuccess, noteCrowd, refetch]);

  const newest = connection.state === 'live' ? (heard.board ?? read.data) : (read.data ?? heard.board);
  return {
    ...read,
    board: newest ?? null,
    seconds: joinSeconds(read.data?.seconds ?? [], heard.seconds),
    crowd: furtherOn(heard.crowd, crowdOf(read.data)),
    noteCrowd,
  };
}

/** Rooms by name, up to a thousand. */
export function useRooms() {
  return useQuery({
    queryKey: ['rooms'],
    staleTime: 60_000,
    queryFn: async ({ signal }): Promise<Resource[]> => {
      const rooms: Resource[] = [];
      let next: string | null = null;
      for (let page = 0; page < pages_max; page += 1) {
        const after: string = next ? `&after=${encodeURIComponent(next)}` : '';
        const answer: Page<Resource> = await ask(`/api/resources?kind=room&limit=200${after}`, { signal });
        rooms.push(...answer.items);
        next = answer.next;
        if (!next) break;
      }
      return rooms;
    },
  });
}

/** What takes time of a room in the coming week. */
export function useTaken(room: string | null, after: string | null) {
  return useQuery({
    queryKey: ['taken', room, after],
    enabled: room !== null,
    queryFn: async ({ signal }): Promise<ScheduleItem[]> => {
      const [from, to] = [0, ahead_hours].map((hours) => new Date(serverNow() + hours * 3_600_000).toISOString());
      return (await ask<{ items: ScheduleItem[] }>(`/api/resources/${room}/schedule?from=${from}&to=${to}`, { signal })).items;
    },
  });
}

export function useSendCrowd(onSent: (crowd: Crowd) => void) {
  return useMutation({
    mutationFn: (body: CrowdRequest) => ask<Crowd>('/api/demo/crowd', { method: 'POST', body }),
    onSuccess: onSent,
  });
}
