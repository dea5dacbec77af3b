import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import {
  keepAgentState,
  readAgentState,
  startingPoint,
  stateFileOf,
} from '../../activities/effects/process/agent-environment.js';
import {
  folderNameOf,
  noteEnding,
  prepareFolder,
  readEnding,
  readExit,
  readLeader,
  readRecord,
  resetFolder,
  takeStart,
  tidyFolder,
  type EffectFolder,
} from '../../activities/effects/process/folder.js';
import { hasArgument, isAlive, processFacts } from '../../activities/effects/process/proc.js';

const NONCE = 'a'.repeat(32);
const RECORD = {
  kind: 'process',
  script: 'true',
  cwd: '/',
  env: { A: '1' },
  timeoutMs: 1,
  background: false,
  umask: 0o22,
} as const;

const withFolder = async (body: (folder: EffectFolder) => Promise<void>): Promise<void> => {
  const path = mkdtempSync(join(tmpdir(), 'folder-'));
  try {
    await body({ path: join(path, 'effect'), nonce: NONCE, key: 's/lead.1.0' });
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
};

describe('the folder of an effect', () => {
  test.each([
    ['5f0c/lead.1.0', '5f0c+lead.1.0'],
    ['5f0c/a b/../x', '5f0c+a%20b+..+x'],
    ['5f0c/a+b', '5f0c+a%2Bb'],
    ['5f0c/ü*', '5f0c+%C3%BC%2A'],
  ])('of %s is called %s', (key, name) => expect(folderNameOf(key)).toBe(name));

  test('is for its owner alone, and gives the record back', () =>
    withFolder(async (folder) => {
      await prepareFolder(folder, RECORD);
      expect(await readRecord(folder)).toEqual(RECORD);
      expect(statSync(folder.path).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(folder.path))
        expect(statSync(join(folder.path, name)).mode & 0o777).toBe(0o600);
    }));

  test('holds the records of several attempts side by side until it is tidied', () =>
    withFolder(async (folder) => {
      const other = { ...folder, nonce: 'b'.repeat(32) };
      await prepareFolder(folder, RECORD);
      await prepareFolder(other, { ...RECORD, script: 'false' });
      expect((await readRecord(folder))?.script).toBe('true');
      expect((await readRecord(other))?.script).toBe('false');
      writeFileSync(join(folder.path, 'out.aa'), 'kept');
      await tidyFolder(folder);
      expect(readdirSync(folder.path)).toEqual(['out.aa']);
    }));

  test('is reset to its record alone', () =>
    withFolder(async (folder) => {
      await prepareFolder(folder, RECORD);
      for (const name of ['started', 'exit', 'state', 'out.aa', 'ending', 'lost'])
        writeFileSync(join(folder.path, name), '');
      await resetFolder(folder);
      expect(readdirSync(folder.path).sort()).toEqual([`${NONCE}.json`, `${NONCE}.sh`]);
    }));

  test.each([
    ['0\n', 0],
    ['137\n', 137],
    ['13', null],
    ['', null],
    ['x\n', null],
  ])('with %j in exit has the code %j', (text, code) =>
    withFolder(async (folder) => {
      mkdirSync(folder.path);
      writeFileSync(join(folder.path, 'exit'), text);
      expect(await readExit(folder)).toBe(code);
    }),
  );

  test('gives the right to run away once', () =>
    withFolder(async (folder) => {
      mkdirSync(folder.path);
      expect(await takeStart(folder)).toBe(true);
      expect(await takeStart(folder)).toBe(false);
      expect(await readEnding(folder)).toBeNull();
      expect(await readLeader(folder)).toBeNull();
    }));

  test('that is gone is nobody’s to run in, and says nothing of who did', () =>
    withFolder(async (folder) => {
      expect(await takeStart(folder)).toBe(false);
      await noteEnding(folder, 'cancelled');
      expect(await readRecord(folder)).toBeNull();
      expect(await readExit(folder)).toBeNull();
      await tidyFolder(folder);
    }));
});

describe('what an agent’s command leaves behind', () => {
  const env = { PATH: '/bin', LANG: 'C' };
  const note = (folder: EffectFolder, text: string | Buffer): void => {
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(join(folder.path, 'state'), text);
  };
  const keep = async (folder: EffectFolder, callId = 'lead.3.0') => {
    const file = stateFileOf(folder.path, 's', 'lead');
    await keepAgentState({ file, folder, env, callId });
    return readAgentState(file);
  };

  test('is the difference to the session’s environment', () =>
    withFolder(async (folder) => {
      note(folder, `1 2\n/tmp\0PATH=/bin:/x\0NEW=a=b\0_=x\0SHLVL=1\0X_TOKEN=t\0end\0`);
      expect(await keep(folder)).toEqual({
        turn: 3,
        index: 0,
        cwd: '/tmp',
        set: { PATH: '/bin:/x', NEW: 'a=b' },
        unset: ['LANG'],
      });
    }));

  test.each([
    ['nothing', ''],
    ['only the session', '1 2\n'],
    ['a note cut in the middle', '1 2\n/tmp\0A=1\0B='],
    ['a note without its end', '1 2\n/tmp\0A=1\0'],
    ['a folder that is not there', '1 2\n/no/such\0end\0'],
    ['a folder that is relative', '1 2\ntmp\0end\0'],
    ['a file for a folder', '1 2\n/etc/passwd\0end\0'],
    ['words of the command itself', '1 2\nhello from fd 9\n/tmp\0end\0'],
    ['an entry without a name', '1 2\n/tmp\0=x\0end\0'],
    ['far too much', `1 2\n/tmp\0A=${'x'.repeat(1_100_000)}\0end\0`],
  ])('is not believed when it is %s', (_, text) =>
    withFolder(async (folder) => {
      note(folder, text);
      expect(await keep(folder)).toBeNull();
    }),
  );

  test('leaves out values that are not UTF-8 and names that are none', () =>
    withFolder(async (folder) => {
      const bytes = Buffer.concat([
        Buffer.from('1 2\n/tmp\0BAD='),
        Buffer.from([0xff]),
        Buffer.from('\0BASH_FUNC_f%%=() { :; }\0OK=1\0end\0'),
      ]);
      note(folder, bytes);
      expect((await keep(folder))?.set).toEqual({ OK: '1' });
    }));

  test('is not turned back by an earlier call that settles late', () =>
    withFolder(async (folder) => {
      note(folder, '1 2\n/tmp\0A=later\0end\0');
      await keep(folder, 'lead.3.1');
      note(folder, '1 2\n/\0A=earlier\0end\0');
      expect((await keep(folder, 'lead.3.0'))?.set).toEqual({ A: 'later' });
      expect((await keep(folder, 'lead.2.9'))?.set).toEqual({ A: 'later' });
      expect((await keep(folder, 'lead.3.1'))?.set).toEqual({ A: 'earlier' });
      expect((await keep(folder, 'lead.10.0'))?.turn).toBe(10);
    }));

  test('is started from, unless its folder is gone or its file can’t be read', () =>
    withFolder(async (folder) => {
      const state = { turn: 1, index: 0, set: { A: '1' }, unset: ['LANG'] };
      expect(await startingPoint({ ...state, cwd: '/tmp' }, '/p', env)).toEqual({
        cwd: '/tmp',
        env: { PATH: '/bin', A: '1' },
      });
      expect((await startingPoint({ ...state, cwd: '/no/such' }, '/p', env)).cwd).toBe('/p');
      expect(await startingPoint(null, '/p', env)).toEqual({ cwd: '/p', env });
      mkdirSync(folder.path, { recursive: true });
      writeFileSync(join(folder.path, 'broken'), '{"turn":');
      expect(await readAgentState(join(folder.path, 'broken'))).toBeNull();
    }));
});

describe('a process', () => {
  test('is known by pid and start time, and dead once it is a zombie', async () => {
    const self = await processFacts(process.pid);
    expect(self).toMatchObject({ pid: process.pid, ppid: process.ppid });
    expect(await isAlive(process.pid, self!.startTime)).toBe(true);
    expect(await isAlive(process.pid, '1')).toBe(false);
    expect(await processFacts(4_194_305)).toBeNull();
    // The shell becomes a program that never reaps the child it had.
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 100'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
    while ((await processFacts(Number(printed.toString()))) !== null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  test('is found by one of its arguments, and only at its place', async () => {
    const child = spawn('sh', ['-c', 'sleep 100; true', 'x', '/some/folder']);
    await once(child, 'spawn');
    while (!(await hasArgument(4, '/some/folder')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await hasArgument(3, '/some/folder')).toBe(false);
    expect(await hasArgument(4, '/some')).toBe(false);
    const grandchild = (await import('node:fs')).readFileSync(
      `/proc/${child.pid}/task/${child.pid}/children`,
      'utf8',
    );
    child.kill('SIGKILL');
    process.kill(Number(grandchild), 'SIGKILL');
    await once(child, 'exit');
  });
});

test('a folder that can’t be written makes a start that fails, not one that hangs', () =>
  withFolder(async (folder) => {
    await prepareFolder(folder, RECORD);
    if (process.getuid?.() === 0) return;
    chmodSync(folder.path, 0o500);
    await expect(takeStart(folder)).rejects.toThrow('EACCES');
    chmodSync(folder.path, 0o700);
  }));
