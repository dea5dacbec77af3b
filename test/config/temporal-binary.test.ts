/**
 * Judging versions, and which platforms a binary is pinned for.
 */
import { isVersionSufficient, PINNED_BINARIES } from '../../config/temporal-binary.js';

describe('a version', () => {
  it.each(['1.9.1', '1.9.2', '1.10.0', '2.0.0', '1.9.1.5'])('%s is enough', (version) => {
    expect(isVersionSufficient(version)).toBe(true);
  });

  it.each(['1.9.0', '1.8.9', '0.99.0', '1.9', '1', '', 'unknown', '1.x.3'])(
    '%s is not',
    (version) => {
      expect(isVersionSufficient(version)).toBe(false);
    },
  );
});

describe('the pinned binaries', () => {
  it('are those of Linux and macOS on both processors, each by size and hash', () => {
    expect(Object.keys(PINNED_BINARIES).toSorted()).toEqual([
      ...['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'],
    ]);
    for (const { sizeBytes, sha256 } of Object.values(PINNED_BINARIES)) {
      expect(sizeBytes).toBeGreaterThan(100_000_000);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});
