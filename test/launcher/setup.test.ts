import { execFileSync } from 'node:child_process';
import { existsSync, readlinkSync, readdirSync, rmSync, statSync } from 'node:fs';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { writePackages, type Yard } from './small-checkout.js';
import { answerOf, fresh, killGroup, setUp, until, useTemplates } from './templates.js';

useTemplates();

describe('a fresh clone', () => {
  test('is installed and built, with progress on stderr and the command’s own words on stdout', () =>
    fresh(async (yard) => {
      const ended = await yard.run({ args: ['-p', 'two  words', '$HOME "quoted"', ''] });
      expect(answerOf(ended).args).toEqual(['-p', 'two  words', '$HOME "quoted"', '']);
      expect(ended.stderr).toContain('loomkin: installing packages');
      expect(yard.installations()).toHaveLength(1);
    }));

  test('leaves standard input to the command', () =>
    fresh(async (yard) => {
      const ended = await yard.run({ args: ['stdin'], stdin: 'piped\nprompt' });
      expect(answerOf(ended).stdin).toBe('piped\nprompt');
    }));

  test('is set up once when two commands start at the same moment', () =>
    fresh(async (yard) => {
      writeFileSync(yard.hold, '');
      const first = yard.start({ args: ['first'] });
      const second = yard.start({ args: ['second'] });
      await until(() => yard.installations().length > 0);
      rmSync(yard.hold);
      const [one, two] = await Promise.all([first.ended, second.ended]);
      expect(answerOf(one).args).toEqual(['first']);
      expect(answerOf(two).args).toEqual(['second']);
      expect(yard.installations()).toHaveLength(1);
      expect(one.stderr + two.stderr).toContain('Waiting for it');
    }));

  test('is set up by a user who has no home folder', () =>
    fresh(async (yard) => {
      answerOf(await yard.run({ env: { HOME: '/nonexistent' } }));
      expect(existsSync(join(yard.checkout, 'dist/npm-cache'))).toBe(false);
    }));

  test('says in one line that npm failed, and is set up by the next start', () =>
    fresh(async (yard) => {
      const archive = join(yard.checkout, 'better-sqlite3-1.0.0.tgz');
      execFileSync('mv', [archive, `${archive}.away`]);
      const failed = await yard.run();
      expect(failed.code).toBe(1);
      expect(failed.stdout).toBe('');
      const lines = failed.stderr.trim().split('\n');
      expect(lines.at(-1)).toMatch(/^loomkin: .+ \(npm exit \d+, see .+setup\.log\)\. .+$/);
      expect(lines.length).toBeLessThanOrEqual(3);
      execFileSync('mv', [`${archive}.away`, archive]);
      answerOf(await yard.run());
    }));
});

describe('an installation', () => {
  test.each<NodeJS.Signals>(['SIGKILL', 'SIGINT', 'SIGTERM'])(
    'that %s ended in its middle is made whole by the next start',
    (signal) =>
      fresh(async (yard) => {
        writeFileSync(yard.hold, '');
        const started = yard.start();
        await until(() => yard.installations().length > 0);
        const ended = await killGroup(started, signal);
        expect(ended.code).not.toBe(0);
        rmSync(yard.hold);
        const again = await yard.run();
        answerOf(again);
        expect(again.stderr).toContain('interrupted');
        expect(yard.installations()).toHaveLength(2);
      }),
  );

  test('is waited for when its parent was killed and npm lives on', () =>
    fresh(async (yard) => {
      writeFileSync(yard.hold, '');
      const started = yard.start();
      await until(() => yard.installations().length > 0);
      const setup = childOf(started.child.pid!);
      process.kill(started.child.pid!, 'SIGKILL');
      process.kill(setup, 'SIGKILL');
      const again = yard.start();
      await new Promise<void>((resolve) => again.child.stderr!.once('data', () => resolve()));
      expect(yard.installations()).toHaveLength(1);
      rmSync(yard.hold);
      answerOf(await again.ended);
      await started.ended;
    }));

  test('killed at any instant never leaves a checkout that can’t be repaired', () =>
    fresh(async (yard) => {
      for (const afterMs of [30, 120, 300, 500, 800]) {
        const started = yard.start();
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await killGroup(started, 'SIGKILL').catch(() => started.ended);
      }
      answerOf(await yard.run());
    }));
});

/** The only child of a process. */
const childOf = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).trim());

describe('a changed checkout', () => {
  const touch = (yard: Yard, file: string): void => {
    const later = new Date(Date.now() + 5_000);
    utimesSync(join(yard.checkout, file), later, later);
  };
  const stampOf = (yard: Yard): number =>
    statSync(join(yard.checkout, 'node_modules/.loomkin-setup')).mtimeMs;

  test('installs again when the lock changed', () =>
    setUp(async (yard) => {
      writePackages(yard.checkout, '1.1.0');
      answerOf(await yard.run());
      const { version } = JSON.parse(yard.read('node_modules/better-sqlite3/package.json'));
      expect([version, yard.installations().length]).toEqual(['1.1.0', 1]);
    }));

  test('installs nothing when only the time of the lock changed, and looks no second time', () =>
    setUp(async (yard) => {
      touch(yard, 'package-lock.json');
      answerOf(await yard.run());
      expect(yard.installations()).toEqual([]);
      const stamp = stampOf(yard);
      answerOf(await yard.run());
      expect(stampOf(yard)).toBe(stamp);
    }));

  test('installs again when node_modules was removed or lost a package', () =>
    setUp(async (yard) => {
      rmSync(join(yard.checkout, 'node_modules'), { recursive: true });
      answerOf(await yard.run());
      rmSync(join(yard.checkout, 'node_modules/better-sqlite3'), { recursive: true });
      rmSync(join(yard.checkout, 'node_modules/.loomkin-setup'));
      answerOf(await yard.run());
      expect(yard.installations()).toHaveLength(2);
    }));

  test('is built again when the commit changed, and keeps the old build for who runs on it', () =>
    setUp(async (yard) => {
      yard.git('init', '-q');
      yard.git('add', '.');
      yard.git('commit', '-qm', 'first');
      const first = answerOf(await yard.run()).build;
      yard.write('client/cli/more.ts', 'export const more = 1;\n');
      yard.git('add', '.');
      yard.git('commit', '-qm', 'second');
      const second = answerOf(await yard.run()).build;
      expect(second).not.toBe(first);
      expect(existsSync(join(yard.checkout, 'dist', first, 'cli.js'))).toBe(true);
      expect(readlinkSync(join(yard.checkout, 'dist/current'))).toBe(second);
      yard.git('pack-refs', '--all');
      const packed = await yard.run();
      expect([answerOf(packed).build, packed.stderr]).toEqual([second, '']);
    }));

  test('of a worktree is told by the worktree’s own commit', () =>
    setUp(async (yard) => {
      yard.git('init', '-q');
      yard.git('add', '.');
      yard.git('commit', '-qm', 'first');
      const tree = join(yard.folder, 'tree');
      yard.git('worktree', 'add', '-q', '-b', 'side', tree);
      answerOf(await yard.run({ command: join(tree, 'loomkin') }));
      execFileSync('git', [
        '-C',
        tree,
        '-c',
        'user.name=T',
        '-c',
        'user.email=t@x',
        'commit',
        '-qm',
        'x',
        '--allow-empty',
      ]);
      answerOf(await yard.run({ command: join(tree, 'loomkin') }));
      const built = execFileSync('cat', [join(tree, 'dist/built')], { encoding: 'utf8' }).trim();
      const head = execFileSync('git', ['-C', tree, 'rev-parse', 'HEAD'], {
        encoding: 'utf8',
      }).trim();
      expect(built).toBe(head);
      expect(yard.installations()).toHaveLength(1);
    }));

  test('without git is built again when package.json changed', () =>
    setUp(async (yard) => {
      const before = answerOf(await yard.run()).build;
      yard.write('package.json', yard.read('package.json').replace('0.0.1', '0.0.2'));
      expect(answerOf(await yard.run()).build).not.toBe(before);
    }));

  test('whose build was cut short is built by the next start', () =>
    setUp(async (yard) => {
      const { build } = answerOf(await yard.run());
      rmSync(join(yard.checkout, 'dist/current'));
      rmSync(join(yard.checkout, 'dist', build, 'complete'));
      expect(answerOf(await yard.run()).build).toBe(build);
      expect(readdirSync(join(yard.checkout, 'dist')).filter((n) => n.includes('partial'))).toEqual(
        [],
      );
    }));

  test('that does not build says what is wrong in one line', () =>
    setUp(async (yard) => {
      yard.write('client/cli/main.ts', "import './nowhere.js';\n");
      touch(yard, 'package.json');
      const ended = await yard.run();
      expect([ended.code, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toMatch(/^loomkin: building failed \(see .+\)\. .*nowhere\.js.*\n$/);
    }));
});
