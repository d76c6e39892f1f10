// The look: calm teal on quiet greys, system fonts (nothing is fetched from elsewhere), generous targets.
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const tide: MantineColorsTuple = [
  '#e8f6f8', '#d2ebef', '#a5d7df', '#75c1ce', '#4daebf', '#2f9fb3', '#1b93a8', '#0e7f94', '#0b7285', '#075e6e',
];
const dark: MantineColorsTuple = [
  '#dbe2e8', '#bcc7d1', '#97a5b2', '#6b7a88', '#414e5a', '#323e49', '#28333d', '#1c252d', '#151d24', '#10161b',
];

export const theme = createTheme({
  colors: { tide, dark },
  primaryColor: 'tide',
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "Noto Sans", Arial, sans-serif',
  headings: { fontWeight: '650' },
});
