// Orders what the socket tells: each resource has a version that only grows, and what is not newer is dropped.
// Never goes back, whatever order messages arrive in.
import type { Version } from '../../api/types';

export interface Position extends Version {
  part: number;
  parts: number;
}

export type Verdict = 'new' | 'old' | 'gap';

export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.version - b.version;
}

export class VersionGate {
  readonly #seen = new Map<string, Position>();

  /** A version read from an answer: everything up to it is known. */
  start(resource: string, { epoch, version }: Version): void {
    const have = this.#seen.get(resource);
    if (have && compareVersions(have, { epoch, version }) >= 0) return;
    this.#seen.set(resource, { epoch, version, part: 1, parts: 1 });
  }

  /** Whether a message is to be used. A gap is used too, but says that something was not heard. */
  judge(resource: string, next: Position): Verdict {
    const have = this.#seen.get(resource);
    const order = have ? compareVersions(next, have) || next.part - have.part : 1;
    if (order <= 0) return 'old';
    this.#seen.set(resource, { epoch: next.epoch, version: next.version, part: next.part, parts: next.parts });
    if (!have) return 'new';
    return follows(have, next) ? 'new' : 'gap';
  }

  /** The last version heard in full, to resume after. */
  last(resource: string): Version | null {
    const have = this.#seen.get(resource);
    if (!have) return null;
    return { epoch: have.epoch, version: have.part < have.parts ? have.version - 1 : have.version };
  }

  forget(resource: string): void {
    this.#seen.delete(resource);
  }
}

function follows(have: Position, next: Position): boolean {
  if (next.epoch !== have.epoch) return false;
  if (next.version === have.version) return next.part === have.part + 1;
  return next.version === have.version + 1 && have.part === have.parts && next.part === 1;
}
