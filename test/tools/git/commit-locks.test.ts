import { existsSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { gitTool } from '../../../activities/tools/git/git.js';
import { hook, withRepository, type Repository } from './repository.js';

describe('a lock on the index', () => {
  const lockOf = (r: Repository): string => join(r.project, '.git', 'index.lock');

  test('with a dead owner of ours is removed', () =>
    withRepository(async (r) => {
      const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      for (const [index, owner] of [`${dead} 12 ${boot}`, '1 1 another-boot'].entries()) {
        writeFileSync(lockOf(r), `loomkin ${owner}\n`);
        r.put('a.txt', `${index}\n`);
        const { outcome } = await r.commit('x', ['a.txt'], { index });
        expect(outcome).toMatchObject({ isError: false, state: 'applied' });
        expect(outcome.text).toContain('left behind');
        expect(existsSync(lockOf(r))).toBe(false);
      }
    }));

  test('left by a git that one of our commands ran before it was killed is removed', () =>
    withRepository(async (r) => {
      hook(r, 'pre-commit', 'kill -9 $PPID');
      r.put('a.txt', '1\n');
      const { outcome: killed } = await r.shell('git commit -qam x', { env: r.env });
      expect(killed.isError).toBe(true);
      expect(existsSync(lockOf(r))).toBe(true);
      rmSync(join(r.project, '.git', 'hooks', 'pre-commit'));
      const { outcome } = await r.commit('x', ['a.txt'], { index: 1 });
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
    }));

  test(
    'of somebody else is respected, and what to do is said',
    () =>
      withRepository(async (r) => {
        writeFileSync(lockOf(r), '');
        r.put('a.txt', '1\n');
        const { outcome } = await r.commit('x', ['a.txt']);
        expect(outcome).toMatchObject({ isError: true, state: 'failed' });
        expect(outcome.text).toContain('index.lock');
        expect(outcome.text).toContain('nothing was committed');
        expect(existsSync(lockOf(r))).toBe(true);
        expect(r.git('rev-list', '--count', 'HEAD').trim()).toBe('1');
      }),
    30_000,
  );

  test('that goes away in time is waited for', () =>
    withRepository(async (r) => {
      writeFileSync(lockOf(r), '');
      r.put('a.txt', '1\n');
      setTimeout(() => rmSync(lockOf(r)), 400);
      expect((await r.commit('x', ['a.txt'])).outcome.isError).toBe(false);
    }));
});

describe('a commit is found by its trailers', () => {
  const probe = (r: Repository) => {
    const input = { operation: 'commit', message: 'x' } as const;
    return gitTool.probe!(input, r.environment(gitTool, input, { env: r.env }).context);
  };
  const make = (r: Repository): string => {
    r.git(
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      `x\n\nLoomkin-Session: ${r.session}\nLoomkin-Call: lead.1.0`,
    );
    return r.git('rev-parse', 'HEAD').trim();
  };

  test('on HEAD, on another branch, and in the reflog after a reset', () =>
    withRepository(async (r) => {
      expect(await probe(r)).toBeNull();
      const hash = make(r);
      expect(await probe(r)).toMatchObject({ state: 'applied', commit: hash });
      r.git('branch', 'other');
      r.git('reset', '-q', '--hard', 'HEAD~1');
      expect(await probe(r)).toMatchObject({ commit: hash });
      r.git('branch', '-q', '-D', 'other');
      expect(await probe(r)).toMatchObject({ commit: hash });
    }));

  test('but not when git was cut off between the reflog and the branch', () =>
    withRepository(async (r) => {
      const before = r.git('rev-parse', 'HEAD').trim();
      make(r);
      writeFileSync(join(r.project, '.git', 'refs', 'heads', 'main'), `${before}\n`);
      expect(await probe(r)).toBeNull();
    }));

  test('and not by the trailers of another call or session', () =>
    withRepository(async (r) => {
      r.git(
        'commit',
        '-q',
        '--allow-empty',
        '-m',
        `x\n\nLoomkin-Session: ${r.session}\nLoomkin-Call: lead.1.01`,
      );
      r.git(
        'commit',
        '-q',
        '--allow-empty',
        '-m',
        'x\n\nLoomkin-Session: other\nLoomkin-Call: lead.1.0',
      );
      expect(await probe(r)).toBeNull();
    }));
});

test('two commits at once both keep what the other did', () =>
  withRepository(async (r) => {
    hook(r, 'pre-commit', 'sleep 0.2');
    r.put('a.txt', '1\n');
    r.put('b.txt', '2\n');
    const both = await Promise.all([
      r.commit('one', ['a.txt'], { index: 0 }),
      r.commit('two', ['b.txt'], { index: 1 }),
    ]);
    for (const { outcome } of both) expect(outcome).toMatchObject({ isError: false });
    expect(r.git('show', 'HEAD:a.txt') + r.git('show', 'HEAD:b.txt')).toBe('1\n2\n');
    expect(r.git('rev-list', '--count', 'HEAD').trim()).toBe('3');
    expect(r.git('status', '--short')).toBe('');
  }));
