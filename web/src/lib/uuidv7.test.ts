import { describe, expect, it } from 'vitest';
import { uuidv7 } from './uuidv7';

describe('uuidv7', () => {
  it('has the version, the variant and the usual shape', () => {
    for (let i = 0; i < 200; i += 1) {
      expect(uuidv7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('carries the instant in its first 48 bits', () => {
    const now = Date.UTC(2026, 10, 23, 18, 0, 0, 123);
    expect(Number.parseInt(uuidv7(now).replaceAll('-', '').slice(0, 12), 16)).toBe(now);
  });

  it('sorts by time and does not repeat', () => {
    expect(uuidv7(1_000_000) < uuidv7(1_000_001)).toBe(true);
    expect(new Set(Array.from({ length: 1000 }, () => uuidv7(5))).size).toBe(1000);
  });
});
