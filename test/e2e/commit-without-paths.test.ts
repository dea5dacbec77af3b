/**
 * A commit without paths takes what the session changed, however it was changed, and nothing else.
 */
import { execFileSync } from 'node:child_process';

import { withRig } from '../support/rig.js';

const REPLIES = [
  { calls: [{ name: 'shell', arguments: { command: 'echo made > by-shell.txt; rm gone.txt' } }] },
  {
    calls: [
      {
        name: 'edit',
        arguments: { path: 'README.md', old_string: 'project', new_string: 'change' },
      },
    ],
  },
  { calls: [{ name: 'git', arguments: { operation: 'commit', message: 'what I did' } }] },
  { text: 'committed' },
];

test('shell-made, edited and deleted files are in it, what the user had in hand is not', () =>
  withRig(
    { script: { replies: REPLIES }, files: { 'gone.txt': 'x\n', 'mine.txt': 'committed\n' } },
    async (rig) => {
      rig.writeFile('mine.txt', 'the user is at work on it\n');
      rig.writeFile('staged.txt', 'staged by the user\n');
      execFileSync('git', ['add', 'staged.txt'], { cwd: rig.project });
      const end = await rig.prompt('do and commit.').end;
      expect(end.code).toBe(0);
      const files = rig.git('show', '--name-status', '--format=', 'HEAD').trim().split('\n').sort();
      expect(files).toEqual(['A\tby-shell.txt', 'D\tgone.txt', 'M\tREADME.md']);
      const left = rig.git('status', '--porcelain').trimEnd().split('\n').sort();
      expect(left).toEqual([' M mine.txt', 'A  staged.txt']);
      const result = end.lines.find(({ type }) => type === 'result');
      expect(result).toMatchObject({ commits: [rig.git('rev-parse', 'HEAD').trim()] });
    },
  ));
