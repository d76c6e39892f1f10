// Gives the person a file: of a text that is here, or of an answer of the server under the same identity as everything else.
import { LostAnswer, Problem, readApiKey } from './http';

export function download(name: string, type: string, text: BlobPart): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function downloadFrom(path: string, type: string, name: string): Promise<void> {
  const key = readApiKey();
  const headers = { Accept: type, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const response = await fetch(path, { headers, credentials: 'same-origin' }).catch(() => {
    throw new LostAnswer();
  });
  if (!response.ok) throw new Problem({ title: response.statusText, ...(await response.json().catch(() => ({}))), status: response.status });
  download(name, type, await response.blob());
}
