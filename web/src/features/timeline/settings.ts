// How the timeline is shown, and how that is written in the address bar. Reads anything, trusts nothing.

export const spans = ['day', 'week', 'overview'] as const;
export type Span = (typeof spans)[number];
export const kinds = ['room', 'equipment', 'section', 'session'] as const;
export type Kind = (typeof kinds)[number];

export interface Settings {
  span: Span;
  kind: Kind;
  compact: boolean;
  /** Round the clock instead of the working hours. */
  hours: 'work' | 'all';
}

export function readSettings(params: URLSearchParams): Settings {
  return {
    span: spans.find((span) => span === params.get('span')) ?? 'day',
    kind: kinds.find((kind) => kind === params.get('kind')) ?? 'room',
    compact: params.get('compact') === '1',
    hours: params.get('hours') === 'all' ? 'all' : 'work',
  };
}

export function writeSettings({ span, kind, compact, hours }: Settings, onto: URLSearchParams): URLSearchParams {
  const params = new URLSearchParams(onto);
  const put = (name: string, value: string) => (value ? params.set(name, value) : params.delete(name));
  put('span', span === 'day' ? '' : span);
  put('kind', kind === 'room' ? '' : kind);
  put('compact', compact ? '1' : '');
  put('hours', hours === 'work' ? '' : hours);
  return params;
}
