import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ShutdownError } from '../../activities/activity-scope.js';
import { folderNameOf } from '../../activities/effects/process/folder.js';
import { markedProcesses, withScene } from './process-scene.js';

const untilTrue = async (holds: () => boolean, withinMs = 10_000): Promise<void> => {
  for (const since = Date.now(); !holds(); await new Promise((r) => setTimeout(r, 5)))
    if (Date.now() - since > withinMs) throw new Error('it did not become true');
};

const wrappersOf = (folder: string): number =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`wrap.sh\0${folder}`);
    } catch {
      return false;
    }
  }).length;

describe('an interrupt', () => {
  test('0 to 9 ms after the start leaves nothing running and nothing that comes later', () =>
    withScene(async ({ shell, project, session, shellsDir }) => {
      for (let ms = 0; ms < 10; ms += 1) {
        const stop = new AbortController();
        const carried = shell('sleep 2; echo late > late; sleep 100', {
          index: ms,
          signal: stop.signal,
        });
        await new Promise((resolve) => setTimeout(resolve, ms));
        stop.abort(new Error('user'));
        const { outcome } = await carried;
        expect(outcome.text).toContain('[interrupted]');
        expect(outcome.isError).toBe(true);
        expect(markedProcesses(session)).toEqual([]);
      }
      await untilTrue(() => wrappersOf(shellsDir) === 0);
      expect(markedProcesses(session)).toEqual([]);
      expect(existsSync(join(project, 'late'))).toBe(false);
    }));

  test('keeps what the command wrote so far and says that it was cut', () =>
    withScene(async ({ shell, project }) => {
      const stop = new AbortController();
      const carried = shell('echo first; touch begun; sleep 100', { signal: stop.signal });
      await untilTrue(() => existsSync(join(project, 'begun')));
      stop.abort(new Error('user'));
      const { outcome } = await carried;
      expect(outcome.text).toMatch(/^first\n(Terminated\n)?\[interrupted\]/);
      expect(outcome).toMatchObject({ state: 'applied', isError: true });
    }));

  test('finds what escaped: disowned, in a session of its own, deaf to TERM, orphaned', () =>
    withScene(async ({ shell, project, session }) => {
      const stop = new AbortController();
      const carried = shell(
        `sleep 1000 & disown
        setsid sleep 1001 &
        (setsid bash -c '(sleep 1002 &) ; sleep 1003' &)
        bash -c 'trap "" TERM; touch deaf; while :; do sleep 0.05; done' &
        nohup sleep 1004 >/dev/null 2>&1 &
        touch begun; wait`,
        { signal: stop.signal },
      );
      await untilTrue(
        () => existsSync(join(project, 'begun')) && existsSync(join(project, 'deaf')),
      );
      expect(markedProcesses(session).length).toBeGreaterThan(5);
      stop.abort(new Error('user'));
      const { outcome } = await carried;
      expect(outcome.text).toContain('[interrupted]');
      expect(markedProcesses(session)).toEqual([]);
    }));

  test('while it waits in line claims nothing', () =>
    withScene(
      async ({ shell, store, session }) => {
        const stop = new AbortController();
        const running = shell('sleep 0.5; echo ran');
        const waiting = shell('echo never', { index: 1, signal: stop.signal });
        stop.abort(new Error('user'));
        expect((await waiting).outcome).toMatchObject({ state: 'failed', isError: true });
        expect(await store.call('getEffect', { key: `${session}/lead.1.1` })).toBeNull();
        expect((await running).outcome.text).toBe('ran\n');
      },
      { concurrency: 1 },
    ));
});

test('a shutdown leaves the command alone and settles nothing; the next daemon collects it', () =>
  withScene(async ({ shell, project, store, session }) => {
    const stop = new AbortController();
    const carried = shell('touch begun; sleep 0.4; echo whole', { signal: stop.signal });
    await untilTrue(() => existsSync(join(project, 'begun')));
    stop.abort(new ShutdownError());
    await expect(carried).rejects.toThrow(ShutdownError);
    const row = await store.call('getEffect', { key: `${session}/lead.1.0` });
    expect(row?.state).toBe('claimed');
    const { outcome, recovered } = await shell('touch begun; sleep 0.4; echo whole');
    expect(outcome).toMatchObject({ text: 'whole\n', state: 'applied' });
    expect(recovered).toBe(true);
  }));

test('at the time limit the whole tree is ended and what it wrote is told', () =>
  withScene(async ({ shell, session }) => {
    const { outcome } = await shell('echo begun; setsid sleep 100 & sleep 100', {
      timeout_ms: 250,
    });
    expect(outcome.text.replace('Terminated\n', '')).toBe(
      'begun\n[timed out after 0.3 s: the command and all it had started were ended]',
    );
    expect(outcome).toMatchObject({ isError: true, state: 'applied' });
    expect(markedProcesses(session)).toEqual([]);
  }));

test('a server started with & does not hold the call up, and what it says later is not told', () =>
  withScene(async ({ shell, session }) => {
    const begunAt = Date.now();
    const { outcome } = await shell('(sleep 0.3; echo later; sleep 100) & echo started');
    expect(outcome.text).toBe('started\n');
    expect(Date.now() - begunAt).toBeLessThan(5000);
    expect(markedProcesses(session).length).toBeGreaterThan(0);
  }));

describe('in the background', () => {
  test('a command is left running; the answer names its pid and its output', () =>
    withScene(async ({ shell, processes, store, session }) => {
      const { outcome } = await shell('echo up; sleep 100', { background: true });
      const [, pid, path] =
        /runs in the background, pid (\d+); its output goes to (\S+);/.exec(outcome.text) ?? [];
      expect(readFileSync(path!, 'utf8')).toBe('up\n');
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(markedProcesses(session)).toContain(Number(pid));
      const row = await store.call('getEffect', { key: `${session}/lead.1.0` });
      await processes.endProcess(row!);
      expect(markedProcesses(session)).toEqual([]);
    }));

  test('a command that fails at once says so', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('echo port taken; exit 4', { background: true });
      expect(outcome).toMatchObject({ text: 'port taken\n[exit code 4]', isError: true });
    }));
});

describe('the output', () => {
  test('of 20 MB is cut to head and tail, and all of it is in the file that is named', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('seq 1 2700000', { outputBytesMax: 4096 });
      expect(Buffer.byteLength(outcome.text)).toBeLessThan(4096);
      expect(outcome.text).toMatch(/^1\n2\n3\n/);
      expect(outcome.text).toMatch(/\n2699999\n2700000\n$/);
      const path = /all of it is in (\S+):/.exec(outcome.text)![1]!;
      const whole = readFileSync(path, 'utf8');
      expect(whole.split('\n').length).toBe(2700001);
      expect(whole.endsWith('2700000\n')).toBe(true);
    }));

  test('that never ends fills neither the memory nor the disk', () =>
    withScene(async ({ shell, shellsDir, session }) => {
      const { outcome } = await shell('echo head; yes', { timeout_ms: 1000 });
      expect(outcome.text).toMatch(/^head\ny\ny\n/);
      expect(outcome.text).toContain('[timed out');
      const folder = join(shellsDir, folderNameOf(`${session}/lead.1.0`));
      const bytes = readdirSync(folder)
        .filter((name) => name.startsWith('out.'))
        .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      expect(bytes).toBeLessThan(70 * 1024 * 1024);
    }));

  test('keeps the order of stdout and stderr, and replaces what is not UTF-8', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell(`echo a; echo b >&2; echo c; printf '\\377\\0x'`);
      expect(outcome.text).toBe('a\nb\nc\n\uFFFD\uFFFDx');
    }));

  test('is cut between characters, never inside one', () =>
    withScene(async ({ shell }) => {
      const command = `printf '€%.0s' {1..3000}`;
      for (const outputBytesMax of [2048, 2049, 2050]) {
        const { outcome } = await shell(command, { outputBytesMax, index: outputBytesMax });
        expect(outcome.text).not.toContain('\uFFFD');
      }
    }));

  test('of a command that truncates its own stderr is whole', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('echo one; echo two >/dev/stderr; echo three');
      expect(outcome.text).toBe('one\ntwo\nthree\n');
    }));
});

describe('a command', () => {
  test('gets its exit code, or that it was killed, across', () =>
    withScene(async ({ shell }) => {
      expect((await shell('echo no; exit 3')).outcome).toMatchObject({
        text: 'no\n[exit code 3]',
        isError: true,
        state: 'applied',
      });
      const { outcome } = await shell('kill -9 $$', { index: 1 });
      expect(outcome.text).toContain('[exit code 137]');
    }));

  test('may kill its whole process group without hurting its wrapper', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('kill -9 0');
      expect(outcome.text).toContain('[exit code 137]');
    }));

  test('of 300 KB is run, and one with a syntax error is told so', () =>
    withScene(async ({ shell }) => {
      const long = await shell(`${'# filler\n'.repeat(40_000)}echo ran`);
      expect(long.outcome.text).toBe('ran\n');
      const broken = await shell('echo one\nif then', { index: 1 });
      expect(broken.outcome.text).toMatch(/^one\nbash: .*syntax error[^]*\[exit code \d+\]$/);
    }));

  test('has the umask of the user and no descriptors of ours below 10', () =>
    withScene(async ({ shell, project }) => {
      await shell('umask; touch made', { umask: 0o027 });
      expect(statSync(join(project, 'made')).mode & 0o777).toBe(0o640);
      const { outcome } = await shell('echo x >&9; echo y >&8; echo "$0 $#"', { index: 1 });
      expect(outcome.text.match(/Bad file descriptor/g)).toHaveLength(2);
      expect(outcome.text).toContain('bash 0\n');
    }));

  test('carries the mark of its effect and no key of ours', () =>
    withScene(async ({ shell, session }) => {
      const { outcome } = await shell('env | grep -c LOOMKIN; echo $LOOMKIN_EFFECT');
      expect(outcome.text).toBe(`1\n${session}/lead.1.0\n`);
    }));

  test('finds PATH and HOME even when the caller had none', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('test -n "$HOME" && ls / >/dev/null && echo fine', {
        env: {},
      });
      expect(outcome.text).toBe('fine\n');
    }));

  test('whose environment is too large does not run, and says why', () =>
    withScene(async ({ shell, project }) => {
      const env = { BIG: 'x'.repeat(3 * 1024 * 1024) };
      const { outcome } = await shell('touch made', { env });
      expect(outcome).toMatchObject({ state: 'failed', isError: true });
      expect(outcome.text).toContain('could not be started');
      expect(existsSync(join(project, 'made'))).toBe(false);
    }));
});

test('at most so many commands run at once', () =>
  withScene(
    async ({ shell, project }) => {
      const command = `n=$(ls run-* 2>/dev/null | wc -l); touch run-$$; sleep 0.1; rm run-$$; echo $n`;
      const all = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => shell(command, { index })));
      for (const { outcome } of all) expect(Number(outcome.text)).toBeLessThan(2);
      expect(readdirSync(project)).toEqual([]);
    },
    { concurrency: 2 },
  ));

test('a settled effect is told again, never run again', () =>
  withScene(async ({ shell, project }) => {
    writeFileSync(join(project, 'log'), '');
    await shell('echo once >> log; cat log');
    const again = await shell('echo once >> log; cat log');
    expect(again).toMatchObject({ recovered: true, outcome: { text: 'once\n' } });
    expect(readFileSync(join(project, 'log'), 'utf8')).toBe('once\n');
  }));
