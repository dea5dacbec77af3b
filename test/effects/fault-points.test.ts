/** Kill points: what arms them, and that each fires once per home. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openFaults } from '../../activities/effects/fault-points.js';

const withLog = (body: (logFile: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-faults-'));
  try {
    body(join(folder, 'faults.log'));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('kill points', () => {
  test('nothing is armed when the variable is unset', () =>
    withLog((logFile) => {
      const reach = openFaults({ spec: undefined, logFile });
      expect(() => reach('turn.end')).not.toThrow();
    }));

  test('a point fires once, and is on disk before it acts', () =>
    withLog((logFile) => {
      const spec = 'effect.after-claim:edit=throw';
      const reach = openFaults({ spec, logFile });
      expect(() => reach('effect.after-claim', 'shell')).not.toThrow();
      expect(() => reach('effect.after-claim', 'edit')).toThrow('fault injected');
      expect(readFileSync(logFile, 'utf8')).toBe(`${spec}\n`);
      expect(() => reach('effect.after-claim', 'edit')).not.toThrow();
      expect(() => openFaults({ spec, logFile })('effect.after-claim', 'edit')).not.toThrow();
    }));

  test('#N fires at the N-th time', () =>
    withLog((logFile) => {
      const reach = openFaults({ spec: 'turn.end#3=throw', logFile });
      reach('turn.end');
      reach('turn.end');
      expect(() => reach('turn.end')).toThrow();
    }));

  test.each(['turn.ends=kill', 'turn.end', 'turn.end=explode', 'turn.end#x=kill'])(
    'a spec that can not be read is an error: %s',
    (spec) => withLog((logFile) => expect(() => openFaults({ spec, logFile })).toThrow(spec)),
  );
});
