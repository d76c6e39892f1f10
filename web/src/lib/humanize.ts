// Writes a word from the server's data, such as "video_conference", as people would.

export function humanize(value: string): string {
  const words = value.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
