// The few signs the page uses, drawn as strokes in the current text colour. Always decoration: words stand beside them.

const paths = {
  bell: 'M6 16.5h12l-1.5-2.5v-4a4.5 4.5 0 0 0-9 0v4zM10 19.5h4M12 5.5V4',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  cross: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4.2l2.8 1.8',
  lock: 'M7 11h10v8H7zM9 11V8a3 3 0 0 1 6 0v3',
  ban: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M6.5 6.5l11 11',
  star: 'M12 4.5l2.3 4.8 5.2.7-3.8 3.6.9 5.2-4.6-2.5-4.6 2.5.9-5.2L4.5 10l5.2-.7z',
  seats: 'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3.5 19c.5-3.2 2.6-5 5.5-5s5 1.8 5.5 5M15.5 5.3a3 3 0 0 1 0 5.4M17 14.3c2 .6 3.2 2.2 3.5 4.7',
  book: 'M5 5.5c2.5-1 4.7-.8 7 .8 2.3-1.6 4.5-1.8 7-.8v12.5c-2.5-1-4.7-.8-7 .8-2.3-1.6-4.5-1.8-7-.8zM12 6.3v12.5',
  building: 'M5 20V5h9v15M14 10h5v10M3.5 20h17M8 8.5h3M8 12h3M8 15.5h3',
  calendar: 'M4.5 6.5h15v13h-15zM4.5 10.5h15M8.5 4v4M15.5 4v4',
  search: 'M10.5 5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M14.8 14.8L19.5 19.5',
  sun: 'M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4',
  moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z',
  left: 'M14.5 6l-6 6 6 6',
  right: 'M9.5 6l6 6-6 6',
  down: 'M6 9.5l6 6 6-6',
  switch: 'M4 9h14M14.5 5.5L18 9l-3.5 3.5M20 15H6M9.5 11.5L6 15l3.5 3.5',
  repeat: 'M5 11V9.5A2.5 2.5 0 0 1 7.5 7H18M15 4l3 3-3 3M19 13v1.5a2.5 2.5 0 0 1-2.5 2.5H6M9 20l-3-3 3-3',
  refresh: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  filter: 'M4 7h16M7 12h10M10 17h4',
  key: 'M8.5 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8M11.5 12.2L19 4.7M16 7.7l2.5 2.5',
  info: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 11v5M12 8v.2',
  chart: 'M5 20V4M5 20h15M9 16v-4M13 16V8M17 16v-6',
  people: 'M8 11a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M16 11a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3.5 18c.4-2.6 2-4 4.5-4s4.1 1.4 4.5 4M14.2 14.3c.6-.2 1.1-.3 1.8-.3 2.5 0 4.1 1.4 4.5 4',
  warning: 'M12 4.5L3.5 19h17zM12 10.5v4M12 16.8v.2',
} as const;

const along: ReadonlySet<string> = new Set(['left', 'right', 'switch', 'book']);

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      // Where the language runs the other way, what points along it does too.
      data-along={along.has(name) || undefined}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
