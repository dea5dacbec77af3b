/**
 * What a person is told when server or daemon can't start, by the last words in their log.
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths, type HomePaths } from '../../../config/paths.js';
import { diagnoseDaemon, diagnoseServer } from '../../../workers/supervision/diagnosis.js';
import { reportFailure, StartupFailure } from '../../../workers/supervision/startup-failure.js';

const withHome = (use: (paths: HomePaths) => void): void => {
  const paths = homePaths(mkdtempSync(join(tmpdir(), 'loomkin-why-')));
  mkdirSync(paths.logs);
  try {
    use(paths);
  } finally {
    rmSync(paths.home, { recursive: true });
  }
};

const LEAD = 'Error: failed starting server: failed creating namespaces: unable to create: ';

describe('a server that can not start', () => {
  it.each(['file is not a database (26)', 'database disk image is malformed (11)'])(
    'has a damaged database when it says "%s", and its bytes are kept once',
    (said) =>
      withHome((paths) => {
        writeFileSync(join(paths.logs, 'temporal.log'), `Temporal CLI\n${LEAD}${said}\n`);
        writeFileSync(paths.temporalDb, 'bytes');
        writeFileSync(`${paths.temporalDb}-wal`, 'more bytes');
        const first = diagnoseServer(paths, 'code 1');
        const second = diagnoseServer(paths, 'code 1');
        expect(first).toMatchObject({ name: 'StartupFailure', kind: 'database_damaged' });
        expect(first.cure).toBe(second.cure);
        const kept = readdirSync(paths.backups).toSorted();
        expect(kept).toHaveLength(2);
        expect(kept[0]).toMatch(/^damaged-[\dTZ.-]+-temporal\.db$/);
        expect(kept.map((name) => readFileSync(join(paths.backups, name), 'utf8'))).toEqual([
          ...['bytes', 'more bytes'],
        ]);
        expect(readFileSync(paths.temporalDb, 'utf8')).toBe('bytes');
      }),
  );

  it('says that the copy failed where it did', () =>
    withHome((paths) => {
      writeFileSync(join(paths.logs, 'temporal.log'), `${LEAD}file is not a database`);
      writeFileSync(paths.temporalDb, 'bytes');
      writeFileSync(paths.backups, 'a file where the folder should be');
      expect(diagnoseServer(paths, 'code 1').cure).toMatch(/^It could not be copied aside \(E/);
    }));

  it('has its bytes kept whole although an earlier copy of them was cut off', () =>
    withHome((paths) => {
      writeFileSync(join(paths.logs, 'temporal.log'), `${LEAD}file is not a database`);
      writeFileSync(paths.temporalDb, 'all of the bytes');
      diagnoseServer(paths, 'code 1');
      const copy = join(paths.backups, readdirSync(paths.backups)[0]!);
      truncateSync(copy, 3);
      diagnoseServer(paths, 'code 1');
      expect(readFileSync(copy, 'utf8')).toBe('all of the bytes');
    }));

  it('keeps the first copy of a log that the next attempts make shorter', () =>
    withHome((paths) => {
      writeFileSync(join(paths.logs, 'temporal.log'), `${LEAD}file is not a database`);
      writeFileSync(paths.temporalDb, 'bytes');
      writeFileSync(`${paths.temporalDb}-wal`, 'not yet in the database');
      diagnoseServer(paths, 'code 1');
      truncateSync(`${paths.temporalDb}-wal`, 0);
      diagnoseServer(paths, 'code 1');
      const kept = readdirSync(paths.backups).find((name) => name.endsWith('-wal'))!;
      expect(readFileSync(join(paths.backups, kept), 'utf8')).toBe('not yet in the database');
    }));

  it('is judged by its own words, not by what an earlier one said in the same log', () =>
    withHome((paths) => {
      const log = join(paths.logs, 'temporal.log');
      writeFileSync(log, `${LEAD}database disk image is malformed (11)\n`);
      writeFileSync(paths.temporalDb, 'sound');
      const { size } = statSync(log);
      expect(diagnoseServer(paths, 'signal SIGSEGV', size)).toMatchObject({
        kind: 'temporal_failed',
        message: "the Temporal server can't start (signal SIGSEGV)",
      });
      expect(existsSync(paths.backups)).toBe(false);
      appendFileSync(log, 'Error: bind: address already in use\n');
      expect(diagnoseServer(paths, 'code 1', size).message).toContain('(Error: bind: address');
      // Cut meanwhile: all of it is newer.
      writeFileSync(log, 'unknown flag\n');
      expect(diagnoseServer(paths, 'code 1', size).message).toContain('(unknown flag)');
    }));

  it('has a full disk when it says so', () =>
    withHome((paths) => {
      writeFileSync(join(paths.logs, 'temporal.log'), 'Error: database or disk is full (13)\n');
      expect(diagnoseServer(paths, 'code 1').kind).toBe('disk_full');
    }));

  it('is quoted else, and named with its log', () =>
    withHome((paths) => {
      writeFileSync(join(paths.logs, 'temporal.log'), 'unknown flag: --bogus\n');
      expect(diagnoseServer(paths, 'code 1')).toMatchObject({
        kind: 'temporal_failed',
        message: "the Temporal server can't start (unknown flag: --bogus)",
        cure: `Read ${paths.logs}/temporal.log.`,
      });
    }));

  it('is named with how it ended where it said nothing', () =>
    withHome((paths) => {
      expect(diagnoseServer(paths, 'signal SIGSEGV').message).toContain('(signal SIGSEGV)');
      expect(diagnoseDaemon(paths, 'code 3').message).toBe("the daemon can't start (code 3)");
    }));
});

describe('a reason not to start', () => {
  it.each([
    ['of an earlier start', JSON.stringify({ kind: 'old', at: '2026-01-01T00:00:00.000Z' })],
    ['that was cut in its middle', '{"kind":"old","at":"29'],
    ['that is null', 'null'],
    ['without a time', '{"kind":"old"}'],
    ['that is empty', ''],
  ])('is not hidden by one %s', (_what, content) =>
    withHome((paths) => {
      writeFileSync(paths.startupError, content);
      reportFailure(paths, new StartupFailure('new', 'the cause of today', 'Do this.'));
      expect(JSON.parse(readFileSync(paths.startupError, 'utf8'))).toMatchObject({ kind: 'new' });
    }),
  );

  it('never throws where it can not be written: the log has it then', () =>
    withHome((paths) => {
      mkdirSync(paths.startupError);
      const said: unknown[] = [];
      const { error } = console;
      console.error = (...words: unknown[]) => void said.push(words[0]);
      try {
        reportFailure(paths, new StartupFailure('new', 'the cause of today', 'Do this.'));
      } finally {
        console.error = error;
      }
      expect(said).toContain('the cause of today');
    }));

  it('is written once: what follows from the first never hides it', () =>
    withHome((paths) => {
      reportFailure(paths, new StartupFailure('first', 'the cause', 'Do this.'));
      reportFailure(paths, new StartupFailure('second', 'an effect', 'Do that.'));
      expect(JSON.parse(readFileSync(paths.startupError, 'utf8'))).toMatchObject({
        kind: 'first',
        message: 'the cause',
        cure: 'Do this.',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
    }));
});
