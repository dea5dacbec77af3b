/**
 * Finding out what a binary is that hangs, babbles, reads or lies, and what becomes of a cache that
 * can't keep the answer: a usable binary is never missed, an unusable one never waited for.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { binaryNotesFile, cachedBinary } from '../../config/temporal-binary.js';
import { startTimeOf } from '../../config/runtime-file.js';
import { findOrInspect, inspectBinary } from '../../workers/temporal-supply/inspection.js';
import { findTemporal } from '../support/temporal-binary.js';

const WAIT_MS = 300;

interface Place {
  readonly env: Record<string, string>;
  /** The one on PATH. */
  readonly path: string;
  write(script: string): void;
}

const withPlace = async (use: (place: Place) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-ask-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const path = join(bin, 'temporal');
  const env = { PATH: bin, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
  try {
    await use({
      env,
      path,
      write: (script) =>
        writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`, { mode: 0o755 }),
    });
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 3 });
  }
};

const GOOD = 'echo "temporal version 1.9.1 (Server 1.30)"';

/** A whole binary in the cache, at no cost. */
const fillCache = (env: Place['env']): string => {
  const cached = cachedBinary(env);
  mkdirSync(dirname(cached), { recursive: true });
  symlinkSync(findTemporal(), cached);
  return cached;
};

/** From now on no note can be written. */
const refuseNotes = (env: Place['env']): void => {
  mkdirSync(binaryNotesFile(env), { recursive: true });
};

describe('a binary that is asked what it is', () => {
  it.each([
    ['hangs', 'exec sleep 60'],
    ['hangs and ignores requests to end', "trap '' TERM; while :; do :; done"],
    ['hangs behind a program of its own', 'sleep 1 & wait'],
  ])('is unknown when it %s, and that is not noted for ever', (_how, script) =>
    withPlace(async ({ env, path, write }) => {
      write(`echo $$ >>"\${0%/*}/pids"; ${script}`);
      expect((await inspectBinary(env, path, WAIT_MS)).version).toMatch(/^unknown$/);
      expect(existsSync(binaryNotesFile(env))).toBe(false);
      const pids = readFileSync(join(dirname(path), 'pids'), 'utf8')
        .trim()
        .split('\n');
      for (const pid of pids) expect(startTimeOf(Number(pid))).toBeNull();
    }),
  );

  it.each([
    ['fails', `${GOOD}; exit 3`],
    ['prints endlessly', 'exec yes "temporal version 9.9.9"'],
    ['is a program of another name', 'echo tctl version 1.18.0'],
    ['says nothing', ''],
    ['says what it is on stderr', `${GOOD} >&2`],
    ['says half a version', 'echo temporal version 1.9'],
    ['prints bytes', 'head -c 1000 /dev/urandom'],
  ])('is unknown when it %s, and that is noted', (_how, script) =>
    withPlace(async ({ env, path, write }) => {
      write(script);
      expect((await inspectBinary(env, path)).version).toBe('unknown');
      expect(readFileSync(binaryNotesFile(env), 'utf8')).toContain(path);
    }),
  );

  it('finds nobody at its standard input', () =>
    withPlace(async ({ env, path, write }) => {
      write(`read -r line; ${GOOD}`);
      expect((await inspectBinary(env, path)).version).toBe('1.9.1');
    }));

  it('can be text that no system runs', () =>
    withPlace(async ({ env, path }) => {
      writeFileSync(path, 'MZ\0\0 for another system', { mode: 0o755 });
      expect((await inspectBinary(env, path)).version).toBe('unknown');
    }));

  it('is asked again once it has another size or time, and only then', () =>
    withPlace(async ({ env, path, write }) => {
      write(`echo asked >>"\${0%/*}/asked"; ${GOOD}`);
      const asked = (): number => readFileSync(join(dirname(path), 'asked'), 'utf8').length / 12;
      for (let look = 0; look < 3; look += 1) await inspectBinary(env, path);
      expect(asked()).toBe(1);
      utimesSync(path, 1_000_000, 1_000_000);
      await inspectBinary(env, path);
      expect(asked()).toBe(2);
    }));

  it('has its note beside those of others that were asked before', () =>
    withPlace(async ({ env, path, write }) => {
      write(GOOD);
      const other = `${path}-other`;
      writeFileSync(other, '#!/bin/sh\necho temporal version 2.0.0\n', { mode: 0o755 });
      await inspectBinary(env, other);
      await inspectBinary(env, path);
      const notes = JSON.parse(readFileSync(binaryNotesFile(env), 'utf8')) as object;
      expect(Object.keys(notes)).toEqual([other, path]);
    }));

  it('is asked where the notes were cut in their middle', () =>
    withPlace(async ({ env, path, write }) => {
      write(GOOD);
      mkdirSync(dirname(binaryNotesFile(env)), { recursive: true });
      writeFileSync(binaryNotesFile(env), `{"${path}":{"sizeB`);
      expect((await inspectBinary(env, path)).version).toBe('1.9.1');
      expect(await findOrInspect(env)).toEqual({ path, source: 'path' });
    }));
});

describe('the binary to run', () => {
  it('is the one on PATH also where no note of it can be kept', () =>
    withPlace(async ({ env, path, write }) => {
      write(GOOD);
      refuseNotes(env);
      expect(await findOrInspect(env)).toEqual({ path, source: 'path' });
    }));

  it('is the fetched one where the one on PATH never answers', () =>
    withPlace(async ({ env, write }) => {
      write('exec sleep 60');
      const cached = fillCache(env);
      expect(await findOrInspect(env, WAIT_MS / 3)).toEqual({ path: cached, source: 'cache' });
    }));

  it('is the fetched one where the one on PATH is too old and no note can be kept', () =>
    withPlace(async ({ env, write }) => {
      write('echo temporal version 1.2.3');
      const cached = fillCache(env);
      refuseNotes(env);
      expect(await findOrInspect(env)).toEqual({ path: cached, source: 'cache' });
    }));

  it('is none where the one on PATH never answers and none was fetched', () =>
    withPlace(async ({ env, write }) => {
      write('exec sleep 60');
      expect(await findOrInspect(env, WAIT_MS / 3)).toBeNull();
    }));

  it('is the one that the person names, and nobody else is asked', () =>
    withPlace(async ({ env, path, write }) => {
      write('touch "${0%/*}/asked"');
      const named = { ...env, LOOMKIN_TEMPORAL_BIN: '/opt/mine' };
      expect(await findOrInspect(named)).toMatchObject({ path: '/opt/mine' });
      expect(existsSync(join(dirname(path), 'asked'))).toBe(false);
      expect(existsSync(path)).toBe(true);
    }));
});
