/** The tree of a session's start: one a session, the same after a restart, and none where there is no git. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { SessionFacts } from '../../activities/sessions.js';
import { makeBaseTrees } from '../../activities/tools/base-trees.js';
import { baseRefOf } from '../../activities/tools/git/snapshot.js';
import { sessionFacts } from '../models/session-facts.js';
import { withRepository, type Repository } from './git/repository.js';

const factsOf = (r: Repository, sessionId: string, project = r.project): SessionFacts => ({
  ...sessionFacts({ project, toolEnv: r.env }),
  sessionId,
});

const namesIn = (r: Repository, tree: string | null): string[] =>
  r
    .git('ls-tree', '-r', '--name-only', tree ?? '')
    .trim()
    .split('\n');

test('it is what it was when it was first asked for, by however many at once', () =>
  withRepository(async (r) => {
    const trees = makeBaseTrees();
    r.put('before.txt', 'x');
    const asked = await Promise.all([1, 2, 3].map(() => trees.of(factsOf(r, 's1'))));
    expect(new Set(asked).size).toBe(1);
    r.put('after.txt', 'x');
    expect(await trees.of(factsOf(r, 's1'))).toBe(asked[0]);
    expect(namesIn(r, asked[0]!)).toContain('before.txt');
    expect(namesIn(r, asked[0]!)).not.toContain('after.txt');
  }));

test('after a restart it is found again, and another session has its own', () =>
  withRepository(async (r) => {
    const first = await makeBaseTrees().of(factsOf(r, 's1'));
    r.put('after.txt', 'x');
    expect(await makeBaseTrees().of(factsOf(r, 's1'))).toBe(first);
    expect(namesIn(r, await makeBaseTrees().of(factsOf(r, 's2')))).toContain('after.txt');
    expect(r.git('for-each-ref', '--format=%(refname)', 'refs/loomkin')).toBe(
      `${baseRefOf('s1')}\n${baseRefOf('s2')}\n`,
    );
  }));

test('it is no branch, no tag and no stash to anybody', () =>
  withRepository(async (r) => {
    r.put('new.txt', 'x');
    const before = r.git('status', '--porcelain=v2', '--branch');
    await makeBaseTrees().of(factsOf(r, 's1'));
    expect(r.git('status', '--porcelain=v2', '--branch')).toBe(before);
    expect([r.git('branch', '--all'), r.git('tag'), r.git('stash', 'list')]).toEqual([
      '* main\n',
      '',
      '',
    ]);
  }));

test.each([
  ['a folder without git', 'plain'],
  ['a folder that is gone', 'gone'],
])('%s has none, and says so without an error', (_name, name) =>
  withRepository(async (r) => {
    mkdirSync(join(r.home, 'plain'));
    expect(await makeBaseTrees().of(factsOf(r, 's1', join(r.home, name)))).toBeNull();
  }),
);
