/** Prompts, ids, titles and projects at the edge. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  checkMessageId,
  checkProject,
  checkSessionId,
  checkText,
  cutToBytes,
  isInsideGit,
  PROMPT_BYTES_MAX,
  titleOf,
} from '../../client/prompt-check.js';
import type { Refusal } from '../../client/refusal.js';

const refusal = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    return error as Refusal;
  }
  throw new Error('it was accepted');
};

describe('texts', () => {
  test.each(['', ' ', '\n\t \u00a0'])('%j is empty: exit code 42', (text) => {
    expect(refusal(() => checkText(text))).toMatchObject({ kind: 'input', exitCode: 42 });
  });

  test('the limit counts bytes, not characters', () => {
    expect(checkText('a'.repeat(PROMPT_BYTES_MAX))).toHaveLength(PROMPT_BYTES_MAX);
    const tooLarge = refusal(() => checkText('€'.repeat(PROMPT_BYTES_MAX / 3 + 1)));
    expect(tooLarge).toMatchObject({ exitCode: 42, status: 413 });
  });

  test('half a pair becomes what the store would make of it; whole pairs stay', () => {
    expect(checkText('a\ud800b')).toBe('a\ufffdb');
    expect(checkText('fine 🧵')).toBe('fine 🧵');
  });
});

describe('titles', () => {
  test.each([
    ['\n\n  fix it \nnow', 'fix it'],
    ['\u001b[31mred\u0007 alert', '[31mred alert'],
    ['🧵'.repeat(200), '🧵'.repeat(120)],
    ['one\r\ntwo', 'one'],
  ])('of %j', (text, title) => expect(titleOf(text)).toBe(title));

  test('cutting keeps characters whole and counts their JSON', () => {
    expect(cutToBytes('🧵🧵', 7)).toBe('🧵');
    expect(cutToBytes('"""', 4)).toBe('""');
    expect(cutToBytes('short', 100)).toBe('short');
  });
});

describe('ids', () => {
  test.each(['', 'x', '3f2a0c1e-0000-1000-8000-000000000000', '../../etc/passwd'])(
    '%j is no session',
    (id) => expect(refusal(() => checkSessionId(id))).toMatchObject({ exitCode: 2 }),
  );
  test.each(['', 'a b', '../x', 'x'.repeat(129)])('%j is no message', (id) =>
    expect(refusal(() => checkMessageId(id))).toMatchObject({ exitCode: 2 }),
  );
});

describe('projects', () => {
  test('missing, a file, relative: each is said; a link is followed to its real path', async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'loomkin-project-')));
    try {
      writeFileSync(join(folder, 'file'), '');
      mkdirSync(join(folder, 'real'));
      symlinkSync('real', join(folder, 'link'));
      const why = (project: string): Promise<string> =>
        checkProject(project).catch((error: Refusal) => `${error.exitCode}: ${error.message}`);
      expect(await why(join(folder, 'no'))).toBe(
        `2: can't work in ${folder}/no: it does not exist`,
      );
      expect(await why(join(folder, 'file'))).toMatch(/it is not a folder$/);
      expect(await why(join(folder, 'file/x'))).toMatch(/it is not a folder$/);
      expect(await why('real')).toMatch(/not an absolute path$/);
      expect(await why(join(folder, 'link'))).toBe(join(folder, 'real'));
      expect(await isInsideGit(join(folder, 'real'))).toBe(false);
      writeFileSync(join(folder, '.git'), 'gitdir: elsewhere');
      expect(await isInsideGit(join(folder, 'real'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
