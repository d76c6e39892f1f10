// Reads what is free instead of a refused room.
import { useQuery } from '@tanstack/react-query';
import type { SearchItem, SearchPage } from '../../api/types';
import { ask } from '../../lib/http';
import { isOrdered, searchQuery, type Filters } from '../search/filters';

const shown_max = 4;
const wanted_min = 3;

export interface Alternatives {
  items: SearchItem[];
  as_of: string;
}

/** What the person searched for comes first; the server's link, which asks for less, fills up when that is too few. */
export function useAlternatives(refused: string, link: string | null | undefined, filters: Filters, enabled: boolean) {
  return useQuery({
    enabled,
    queryKey: ['alternatives', refused, link, filters],
    staleTime: 0,
    gcTime: 0,
    queryFn: async ({ signal }): Promise<Alternatives> => {
      const pages: SearchPage[] = [];
      if (isOrdered(filters)) pages.push(await ask<SearchPage>(`/api/search?${searchQuery({ ...filters, text: '', all: false })}`, { signal }));
      if (isOurs(link) && pick(pages, refused).length < wanted_min) pages.push(await ask<SearchPage>(fitting(link, filters), { signal }));
      return { items: pick(pages, refused).slice(0, shown_max), as_of: pages.at(-1)?.as_of ?? '' };
    },
  });
}

function pick(pages: SearchPage[], refused: string): SearchItem[] {
  const free = pages.flatMap((page) => page.items).filter((item) => item.free && item.resource.id !== refused);
  return [...new Map(free.map((item) => [item.resource.id, item])).values()];
}

/** Only a path of our own API is followed. */
function isOurs(link: string | null | undefined): link is string {
  return link?.startsWith('/api/search?') ?? false;
}

/** The link knows the time but not how many people come; a room that is too small is no alternative. */
function fitting(link: string, { people }: Filters): string {
  return people && !link.includes('people=') ? `${link}&people=${people}` : link;
}
