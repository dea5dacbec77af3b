/**
 * Repositories of strangers: a look runs no program that they name, leaves the project nowhere, and what
 * they set about output changes nothing that the model reads or we parse.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { gitTool, type GitInput } from '../../../activities/tools/git/git.js';
import { hook, withRepository, type Repository } from './repository.js';

const LOOKS: readonly GitInput[] = [
  { operation: 'status' },
  { operation: 'diff' },
  { operation: 'diff', ref: 'HEAD~1' },
  { operation: 'log' },
  { operation: 'show' },
  { operation: 'branch' },
];

/** A program that leaves a sign and lets through what it is given. */
const trapIn = ({ home }: Repository): string => {
  const trap = join(home, 'trap');
  writeFileSync(trap, `#!/bin/sh\necho "$0 $*" >>${home}/sprung\ncat\n`, { mode: 0o755 });
  return trap;
};

const sprung = ({ home }: Repository): string | null =>
  existsSync(join(home, 'sprung')) ? readFileSync(join(home, 'sprung'), 'utf8') : null;

const second = (r: Repository): void => {
  r.put('a.txt', 'second\n');
  r.git('commit', '-qam', 'second');
  r.put('a.txt', 'in the tree\n');
  r.put('b.txt', 'staged\n');
  r.git('add', 'b.txt');
  r.put('new.txt', 'new\n');
};

const lookAtAll = async (r: Repository): Promise<string> => {
  const texts: string[] = [];
  for (const [index, look] of LOOKS.entries()) {
    const { outcome } = await r.call(look, { index });
    expect([look, outcome.isError, outcome.text]).toEqual([look, false, outcome.text]);
    texts.push(outcome.text);
  }
  return texts.join('\n');
};

describe('a look runs nothing of the repository’s', () => {
  test.each<[string, (r: Repository, trap: string) => void]>([
    ['a filter on clean', (r, trap) => r.git('config', 'filter.evil.clean', trap)],
    ['a filter process', (r, trap) => r.git('config', 'filter.evil.process', trap)],
    [
      'a filter that is required, under a name with = and blanks',
      (r, trap) => {
        r.put('.git/info/attributes', '*.txt filter=e=vil\n');
        r.git('config', 'filter.e=vil.clean', trap);
        r.git('config', 'filter.e=vil.required', 'true');
      },
    ],
    [
      'a filter of an included file',
      (r, trap) => {
        r.put('.git/more', `[filter "evil"]\n\tclean = ${trap}\n`);
        r.git('config', 'include.path', 'more');
      },
    ],
    [
      'a filter of a worktree’s own config',
      (r, trap) => {
        r.git('config', 'extensions.worktreeConfig', 'true');
        r.git('config', '--worktree', 'filter.evil.clean', trap);
      },
    ],
    ['a monitor of files', (r, trap) => r.git('config', 'core.fsmonitor', trap)],
    [
      'a pager',
      (r, trap) => {
        for (const key of ['core.pager', 'pager.status', 'pager.diff', 'pager.log', 'pager.show'])
          r.git('config', key, trap);
      },
    ],
    [
      'a driver of diffs',
      (r, trap) => {
        for (const key of ['diff.external', 'diff.evil.command', 'diff.evil.textconv'])
          r.git('config', key, trap);
      },
    ],
    [
      'hooks, in their folder or another',
      (r, trap) => {
        for (const name of ['post-index-change', 'reference-transaction', 'fsmonitor-watchman'])
          hook(r, name, trap);
        r.git('config', 'core.hooksPath', '.git/hooks');
      },
    ],
    [
      'an alias with the name of a command',
      (r, trap) => {
        for (const name of ['status', 'diff', 'log', 'show', 'branch', 'rev-parse'])
          r.git('config', `alias.${name}`, `!${trap}`);
      },
    ],
    [
      'a checker of signatures',
      (r, trap) => {
        r.git('config', 'log.showSignature', 'true');
        r.git('config', 'gpg.program', trap);
      },
    ],
  ])('%s', (_name, set) =>
    withRepository(async (r) => {
      second(r);
      r.put('.git/info/attributes', '*.txt filter=evil diff=evil\n');
      const trap = trapIn(r);
      set(r, trap);
      // Another time of change, so that git has to read the files.
      r.put('a.txt', 'in the tree\n');
      rmSync(join(r.home, 'sprung'), { force: true });
      expect(await lookAtAll(r)).toContain('+in the tree');
      expect(sprung(r)).toBeNull();
      await r.begin();
      expect(sprung(r)).toBeNull();
    }),
  );

  test('a program that would fetch what a partial clone lacks', () =>
    withRepository(async (r) => {
      second(r);
      const lacking = r.git('rev-parse', 'HEAD~1:a.txt').trim();
      rmSync(join(r.project, '.git/objects', lacking.slice(0, 2), lacking.slice(2)));
      const trap = trapIn(r);
      for (const [key, value] of [
        ['core.repositoryFormatVersion', '1'],
        ['extensions.partialClone', 'origin'],
        ['remote.origin.promisor', 'true'],
        ['remote.origin.url', `ext::${trap}`],
        ['remote.origin.uploadpack', trap],
        ['protocol.ext.allow', 'always'],
      ])
        r.git('config', key!, value!);
      for (const [index, url] of [`ext::${trap}`, r.project, 'ssh://host/x'].entries()) {
        r.git('config', 'remote.origin.url', url);
        r.git('config', 'core.sshCommand', trap);
        const { outcome } = await r.call({ operation: 'show' }, { index });
        expect(outcome.isError).toBe(true);
        expect(sprung(r)).toBeNull();
      }
    }));

  test('programs of a submodule’s own config', () =>
    withRepository(async (r) => {
      const inner = join(r.project, 'sub');
      const git = (...args: string[]): string =>
        execFileSync('git', args, { cwd: inner, env: r.env, encoding: 'utf8', stdio: 'pipe' });
      mkdirSync(inner);
      git('init', '-q', '-b', 'main');
      for (const text of ['one\n', 'two\n']) {
        writeFileSync(join(inner, 'x.txt'), text);
        git('add', '-A');
        git('-c', 'user.name=A', '-c', 'user.email=a@b', 'commit', '-q', '-m', text.trim());
        r.git('add', 'sub');
        r.git('commit', '-qm', `sub ${text.trim()}`);
      }
      writeFileSync(join(inner, '.git/info/attributes'), '*.txt filter=evil diff=evil\n');
      const trap = trapIn(r);
      for (const key of [
        'filter.evil.clean',
        'diff.external',
        'diff.evil.textconv',
        'core.fsmonitor',
      ])
        git('config', key, trap);
      r.git('config', 'diff.submodule', 'diff');
      r.git('config', 'submodule.sub.ignore', 'none');
      r.git('config', 'status.submoduleSummary', 'true');
      writeFileSync(join(inner, 'x.txt'), 'six\n');
      rmSync(join(r.home, 'sprung'), { force: true });
      await lookAtAll(r);
      expect(sprung(r)).toBeNull();
    }));

  test('but the user’s own filter does its work', () =>
    withRepository(async (r) => {
      r.put('.gitattributes', '*.txt filter=upper\n');
      r.git('config', '--global', 'filter.upper.clean', 'tr a-z A-Z');
      r.put('a.txt', 'loud\n');
      expect((await r.call({ operation: 'diff' })).outcome.text).toContain('+LOUD');
    }));
});

describe('a look stays in the project', () => {
  test.each(['status', 'diff'] as const)('%s, whatever core.worktree names', (operation) =>
    withRepository(async (r) => {
      const elsewhere = join(r.home, 'elsewhere');
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, 'a.txt'), 'SECRET\n');
      r.git('config', 'core.worktree', elsewhere);
      const { outcome } = await r.call({ operation });
      expect(outcome).toMatchObject({ isError: true });
      expect(outcome.text).toContain('not in the work tree');
      expect(outcome.text).not.toContain('SECRET');
      expect(await r.begin()).toBeNull();
    }),
  );

  test('and is refused in a repository of another user, with the way out', () =>
    withRepository(async (r) => {
      // Git's own way to test this; changing the owner takes a superuser.
      const env = { ...r.env, GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' };
      for (const [index, look] of LOOKS.entries()) {
        const { outcome } = await r.call(look, { index, env });
        expect(outcome).toMatchObject({ isError: true });
        expect(outcome.text).toContain('dubious ownership');
      }
      expect((await r.commit('x', ['a.txt'], { index: 9, env })).outcome.isError).toBe(true);
    }));

  test.each<[GitInput, string]>([
    [{ operation: 'diff', paths: [':(top,glob)**'] }, 'No differences.'],
    [{ operation: 'diff', paths: [':/'] }, 'No differences.'],
    [{ operation: 'diff', paths: ['*.txt'] }, 'No differences.'],
    [{ operation: 'diff', paths: [':!a.txt'] }, 'No differences.'],
    [{ operation: 'log', paths: ['a.t?t'] }, 'No commits.'],
  ])('and takes a path for a path: %j', (input, text) =>
    withRepository(async (r) => {
      r.put('a.txt', 'changed\n');
      expect((await r.call(input)).outcome).toMatchObject({ text, isError: false });
    }),
  );

  test.each<GitInput>([
    { operation: 'diff', paths: ['link/../../x'] },
    { operation: 'log', paths: ['.git/config'] },
    { operation: 'show', ref: 'HEAD\n--output=x' },
    { operation: 'log', ref: '--all' },
    { operation: 'diff', ref: '--no-index', paths: ['/etc/passwd'] },
    { operation: 'diff', ref: '/etc/passwd' },
    { operation: 'show', ref: 'HEAD:../../etc/passwd' },
    { operation: 'show', ref: 'HEAD -p' },
    { operation: 'log', ref: '\u0007' },
  ])('and refuses %j', (input) =>
    withRepository(async (r) => {
      const { outcome } = await r.call(input);
      expect(outcome.isError).toBe(true);
      expect(outcome.text).not.toContain('root:');
      expect(existsSync(join(r.project, 'x'))).toBe(false);
    }),
  );
});

test('colours, quotes, formats and encodings that a config sets change nothing', () =>
  withRepository(async (r) => {
    r.put('ü 日本.txt', 'x\n');
    second(r);
    const plain = await lookAtAll(r);
    expect(plain).toContain('ü 日本.txt');
    for (const [key, value] of [
      ['color.ui', 'always'],
      ['color.status', 'always'],
      ['color.diff', 'always'],
      ['color.branch', 'always'],
      ['core.quotePath', 'true'],
      ['format.pretty', 'raw'],
      ['log.date', 'raw'],
      ['log.decorate', 'full'],
      ['i18n.logOutputEncoding', 'UTF-16'],
      ['status.short', 'false'],
      ['status.showUntrackedFiles', 'no'],
      ['column.ui', 'always'],
    ])
      r.git('config', key!, value!);
    const looks = await Promise.all(
      LOOKS.map((look, index) => r.call(look, { index: 20 + index })),
    );
    for (const { outcome } of looks) expect(outcome.text).not.toMatch(/\u001b|\\303|\0/);
    expect(looks.map(({ outcome }) => outcome.text).join('\n')).toBe(plain);
  }));

test('a commit is found by its trailers, whatever encoding the log is set to', () =>
  withRepository(async (r) => {
    r.git('config', 'i18n.logOutputEncoding', 'UTF-16');
    r.put('a.txt', 'x\n');
    const input = { operation: 'commit', message: 'grüße', paths: ['a.txt'] } as const;
    expect((await r.call(input)).outcome.isError).toBe(false);
    const { context } = r.environment(gitTool, input, { env: r.env });
    expect(await gitTool.probe!(input, context)).toMatchObject({ state: 'applied' });
  }));
