import { beforeEach, describe, expect, it } from 'vitest';
import { compareVersions, VersionGate } from './versions';

/** "1.42" or "1.42:2/3" as a position. */
function at(text: string) {
  const [version = '', part = '1/1'] = text.split(':');
  const [epoch, number] = version.split('.').map(Number);
  const [one, of] = part.split('/').map(Number);
  return { epoch: epoch!, version: number!, part: one!, parts: of! };
}

describe('versions', () => {
  it('compare by epoch, then by number', () => {
    expect(compareVersions(at('1.9'), at('1.10'))).toBeLessThan(0);
    expect(compareVersions(at('2.1'), at('1.99'))).toBeGreaterThan(0);
    expect(compareVersions(at('2.1'), at('2.1'))).toBe(0);
  });
});

describe('the gate', () => {
  let gate: VersionGate;
  const hear = (...texts: string[]) => texts.map((text) => gate.judge('room', at(text)));
  beforeEach(() => {
    gate = new VersionGate();
    gate.start('room', at('1.41'));
  });

  it.each([
    { hears: ['1.42', '1.43'], says: ['new', 'new'], why: 'in order' },
    { hears: ['1.42', '1.42', '1.41', '1.40'], says: ['new', 'old', 'old', 'old'], why: 'repeats and the past are dropped' },
    { hears: ['1.42:1/2', '1.42:2/2', '1.43'], says: ['new', 'new', 'new'], why: 'parts of one version' },
    { hears: ['1.42:1/2', '1.42:1/2', '1.42:2/2'], says: ['new', 'old', 'new'], why: 'a repeated part' },
    { hears: ['1.44'], says: ['gap'], why: 'a version was not heard' },
    { hears: ['1.42:1/2', '1.43'], says: ['new', 'gap'], why: 'a part was not heard' },
    { hears: ['2.1', '1.42'], says: ['gap', 'old'], why: 'a restore, then an echo from before it' },
  ])('$why: $hears', ({ hears, says }) => expect(hear(...hears)).toEqual(says));

  it('resumes after the last version heard in full', () => {
    hear('1.42', '1.43:1/2');
    expect(gate.last('room')).toEqual({ epoch: 1, version: 42 });
    hear('1.43:2/2');
    expect(gate.last('room')).toEqual({ epoch: 1, version: 43 });
  });

  it('does not go back when an older answer is read', () => {
    hear('1.42', '1.43');
    gate.start('room', at('1.42'));
    expect(hear('1.43')).toEqual(['old']);
  });

  it('takes the first word about a resource it did not watch', () => {
    expect(gate.judge('other', at('1.7'))).toBe('new');
    expect(gate.judge('other', at('1.7'))).toBe('old');
  });
});
