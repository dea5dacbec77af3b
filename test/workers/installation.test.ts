/** The name of an installation: made once, the same for all who ask, never guessed from a broken file. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { installationName } from '../../workers/installation.js';
import { bundleProgram } from '../support/bundle.js';
import { runToEnd } from '../support/installation.js';

const withHome = async (use: (file: string, home: string) => Promise<void> | void) => {
  const home = mkdtempSync(join(tmpdir(), 'loomkin-name-'));
  try {
    await use(join(home, 'installation'), home);
  } finally {
    rmSync(home, { recursive: true });
  }
};

describe('the name of an installation', () => {
  it('is eight hex digits, kept for its owner alone, and the same from then on', () =>
    withHome((file, home) => {
      const name = installationName(file);
      expect(name).toMatch(/^[0-9a-f]{8}$/);
      expect(installationName(file)).toBe(name);
      expect(readFileSync(file, 'utf8')).toBe(`${name}\n`);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readdirSync(home)).toEqual(['installation']);
    }));

  it('is one name however many daemons make it at the same moment', () =>
    withHome(async (file, home) => {
      const program = await bundleProgram('workers/name-program.ts', home);
      // They wait for the same instant.
      const at = String(Date.now() + 250);
      const ends = await Promise.all(
        Array.from({ length: 8 }, () => runToEnd(process.execPath, [program, file, at])),
      );
      const names = new Set(ends.map(({ stdout }) => stdout.trim()));
      expect([...names]).toEqual([readFileSync(file, 'utf8').trim()]);
    }));

  it('is made although a daemon of the same pid died in the middle of it', () =>
    withHome((file, home) => {
      writeFileSync(`${file}.${process.pid}`, 'dead');
      expect(installationName(file)).toMatch(/^[0-9a-f]{8}$/);
      expect(readdirSync(home)).toEqual(['installation']);
    }));

  it.each(['0123abcd', '0123abcd\r\n', ' 0123abcd \n\n'])(
    'is read from %j, as editors leave it',
    (text) =>
      withHome((file) => {
        writeFileSync(file, text);
        expect(installationName(file)).toBe('0123abcd');
        expect(readFileSync(file, 'utf8')).toBe(text);
      }),
  );

  it.each(['', '\0\0\0\0\0\0\0\0', '0123ABCD', '0123abc', '0123abcd0', '0123abcd 0123abcd'])(
    'is not made anew where %j stands in its place: work would be left on a queue of another name',
    (text) =>
      withHome((file, home) => {
        writeFileSync(file, text);
        expect(() => installationName(file)).toThrow(`${file} does not hold 8 hex digits`);
        expect(readFileSync(file, 'utf8')).toBe(text);
        expect(readdirSync(home)).toEqual(['installation']);
      }),
  );

  it('is not made where a folder or a link to nowhere has its place', () =>
    withHome((file, home) => {
      symlinkSync(join(home, 'nowhere'), file);
      expect(() => installationName(file)).toThrow(/8 hex digits/);
      expect(existsSync(join(home, 'nowhere'))).toBe(false);
      rmSync(file);
      mkdirSync(file);
      expect(() => installationName(file)).toThrow(/8 hex digits/);
    }));

  it('can not be made where there is no home, and that is the error', () => {
    expect(() => installationName('/nowhere/installation')).toThrow(/ENOENT/);
  });
});
