/**
 * Logs that stay short although their writers never let go of them.
 */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLogLine, rotateLogs } from '../../../workers/supervision/logs.js';

const withLogs = (use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-logs-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('a log', () => {
  it('moves to NAME.1 beyond the limit, and its writer goes on at the new beginning', () =>
    withLogs((folder) => {
      const log = join(folder, 'daemon.log');
      const writer = openSync(log, 'a');
      writeSync(writer, 'old '.repeat(25));
      rotateLogs(folder, 99);
      writeSync(writer, 'new');
      closeSync(writer);
      expect(readFileSync(log, 'utf8')).toBe('new');
      expect(readFileSync(`${log}.1`, 'utf8')).toBe('old '.repeat(25).slice(1));
    }));

  it('is left alone below the limit, as is what is no log', () =>
    withLogs((folder) => {
      writeFileSync(join(folder, 'daemon.log'), 'short');
      writeFileSync(join(folder, 'notes.txt'), 'long '.repeat(100));
      rotateLogs(folder, 100);
      expect(readdirSync(folder)).toEqual(['daemon.log', 'notes.txt']);
    }));

  it.each([
    ['the last line that tells of a failure', 'up\nError: no space\nbye\n', 'Error: no space'],
    ['else the last line', 'one\ntwo\n\n', 'two'],
    ['else nothing', '', ''],
  ])('is quoted by %s', (_what, content, line) =>
    withLogs((folder) => {
      const log = join(folder, 'temporal.log');
      writeFileSync(log, content);
      expect(lastLogLine(log)).toBe(line);
    }),
  );

  it('is quoted as nothing when there is none', () => {
    expect(lastLogLine('/nowhere/temporal.log')).toBe('');
  });
});
