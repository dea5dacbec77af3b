/** Paths of file tools: nothing leaves the project, and nobody else's own is written. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { placeToRead, placeToWrite } from '../../../activities/tools/files/inside-project.js';
import { withWorkspace, type Workspace } from '../../support/workspace.js';

const refusal = async (workspace: Workspace, path: string): Promise<string> => {
  const place = await placeToWrite(path, workspace.context());
  return place.kind === 'refused' ? place.text : `inside: ${place.shown}`;
};

describe('a path of a file tool', () => {
  test('stays inside the project whatever it looks like', () =>
    withWorkspace(async (workspace) => {
      workspace.put('src/a.ts', '');
      for (const path of [
        '../x',
        '../proj2/x',
        'src/../../x',
        `${workspace.project}2/x`,
        join(workspace.outside, 'x'),
        '/etc/passwd',
        '/',
        '..',
        'src/../../proj/../proj2/x',
        '/proc/self/cwd/x',
        '/dev/null',
      ])
        expect(await refusal(workspace, path)).toContain('is outside the project');
    }));

  test.each([
    ['src/a.ts', 'src/a.ts'],
    ['./src//a.ts', 'src/a.ts'],
    ['src/../src/a.ts', 'src/a.ts'],
    ['new/deep/b.ts', 'new/deep/b.ts'],
    ['..x/a', '..x/a'],
    ['...', '...'],
    ['a b/ü/日本.ts', 'a b/ü/日本.ts'],
    ['.github/x.yml', '.github/x.yml'],
    ['.gitignore', '.gitignore'],
    ['.gitattributes', '.gitattributes'],
  ])('%s is inside', (path, shown) =>
    withWorkspace(async (workspace) => {
      workspace.put('src/a.ts', '');
      expect(await refusal(workspace, path)).toBe(`inside: ${shown}`);
      expect(await refusal(workspace, join(workspace.project, path))).toBe(`inside: ${shown}`);
    }),
  );

  test('a link inside is followed, one that leads out is not', () =>
    withWorkspace(async (workspace) => {
      workspace.put('real/a.ts', '');
      symlinkSync('real', workspace.at('inner'));
      symlinkSync(workspace.outside, workspace.at('outer'));
      symlinkSync('../proj2', workspace.at('sibling'));
      symlinkSync('outer', workspace.at('twice'));
      symlinkSync(join(workspace.outside, 'secret'), workspace.at('file-out'));
      expect(await refusal(workspace, 'inner/a.ts')).toBe('inside: real/a.ts');
      expect(await refusal(workspace, 'inner/new.ts')).toBe('inside: real/new.ts');
      for (const path of ['outer/x', 'sibling/x', 'twice/deep/x', 'outer'])
        expect(await refusal(workspace, path)).toContain('is outside the project');
      expect(await refusal(workspace, 'file-out')).toContain('leads to nothing');
    }));

  test('dangling links, circles and files in the way are refused', () =>
    withWorkspace(async (workspace) => {
      workspace.put('file', '');
      symlinkSync('nowhere', workspace.at('dangling'));
      symlinkSync('b', workspace.at('a'));
      symlinkSync('a', workspace.at('b'));
      expect(await refusal(workspace, 'dangling')).toContain('leads to nothing');
      expect(await refusal(workspace, 'dangling/x')).toContain('leads to nothing');
      expect(await refusal(workspace, 'a')).toContain('go round in a circle');
      expect(await refusal(workspace, 'file/x')).toContain('is a file, not a folder');
      expect(await refusal(workspace, `${'x'.repeat(300)}`)).toContain('too long');
      expect(await refusal(workspace, 'a\0b')).toContain('NUL');
      expect(await refusal(workspace, '~/x')).toContain('not expanded');
    }));

  test('a project behind a link is one place under both names', () =>
    withWorkspace(async (workspace) => {
      const alias = `${workspace.project}-alias`;
      symlinkSync(workspace.project, alias);
      expect(await refusal(workspace, join(alias, 'x'))).toBe('inside: x');
    }));
});

describe('what is never written', () => {
  test.each([
    '.git/config',
    '.git',
    '.GIT/hooks/pre-commit',
    '.git./config',
    '.g\u200cit/config',
    'sub/.git/config',
    'deep/er/.git',
    '.loomkin/config.toml',
    '.Loomkin/x',
    '.claude/settings.json',
    'pkg/.claude/x',
  ])('%s', (path) =>
    withWorkspace(async (workspace) => {
      expect(await refusal(workspace, path)).toContain('never change anything named .');
    }),
  );

  test('nor through a link, from either side', () =>
    withWorkspace(async (workspace) => {
      workspace.put('.git/config', '');
      workspace.put('settings/x', '');
      symlinkSync('.git', workspace.at('innocent'));
      symlinkSync('settings', workspace.at('.claude'));
      expect(await refusal(workspace, 'innocent/config')).toContain('named .git');
      expect(await refusal(workspace, '.claude/x')).toContain('named .claude');
    }));

  test('nor a git folder under another name: bare, separate, of a worktree', () =>
    withWorkspace(async (workspace) => {
      for (const name of ['HEAD', 'objects/x', 'refs/heads/main', 'worktrees/w/HEAD'])
        workspace.put(`store.d/${name}`, '');
      expect(await refusal(workspace, 'store.d/config')).toContain('belongs to git');
      expect(await refusal(workspace, 'store.d/hooks/post-checkout')).toContain('belongs to git');
      expect(await refusal(workspace, 'store.d/worktrees/w/config')).toContain('belongs to git');
      expect(await refusal(workspace, 'other/HEAD')).toBe('inside: other/HEAD');
    }));
});

describe('reading', () => {
  test('may look into .git and the long outputs of the session, and nowhere else outside', () =>
    withWorkspace(async (workspace) => {
      const context = workspace.context();
      workspace.put('.git/HEAD', '');
      const kindOf = async (path: string) => (await placeToRead(path, context)).kind;
      expect(await kindOf('.git/HEAD')).toBe('inside');
      expect(await kindOf(join(context.scratch, 'lead.1.0.txt'))).toBe('inside');
      expect(await kindOf(join(context.scratch, '..', 'other', 'x'))).toBe('refused');
      mkdirSync(join(context.scratch, 'd'));
      symlinkSync('/etc', join(context.scratch, 'd', 'etc'));
      expect(await kindOf(join(context.scratch, 'd', 'etc', 'passwd'))).toBe('refused');
    }));

  test('a session without long outputs has no second root', () =>
    withWorkspace(async (workspace) => {
      const context = workspace.context({ scratch: join(workspace.outside, 'absent') });
      expect((await placeToRead(join(workspace.outside, 'absent', 'x'), context)).kind).toBe(
        'refused',
      );
    }));
});
