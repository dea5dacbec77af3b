/** Paths of file tools: nothing leaves the project, and nobody else's own is written. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { placeToRead, placeToWrite } from '../../../activities/tools/files/inside-project.js';
import { makeBaseTrees } from '../../../activities/tools/base-trees.js';
import { makeToolContext } from '../../../activities/tools/tool-context.js';
import type { ToolContext } from '../../../activities/tools/tool.js';
import { agentNameOf, sessionIdOf } from '../../../workflows/protocol/ids.js';
import { sessionFacts } from '../../models/session-facts.js';
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
    '.git /config',
    '.git::$INDEX_ALLOCATION/config',
    '\uFF0EGIT/config',
    'GIT~1/config',
    'git~2',
    'LOOMKI~1/config.toml',
    'sub/claude~1/x',
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

/** What the tools of a real call get to know, in an installation at `home`. */
const contextAt = (home: string, project: string): ToolContext => {
  const facts = sessionFacts({ project });
  const call = {
    index: 0,
    name: 'read',
    permission: 'read',
    subject: '',
    argumentsHash: '',
  } as const;
  const place = { sessionId: sessionIdOf(facts.sessionId), agent: agentNameOf('lead'), turn: 1 };
  const gate = { kind: 'allowed' } as const;
  const request = { ...place, call, gate, permissionMode: 'default', interrupted: false } as const;
  const deps = {
    scratchDir: join(home, 'scratch'),
    shellsDir: join(home, 'shells'),
    store: { call: () => Promise.reject(new Error('not asked')), close: async () => undefined },
    baseTrees: makeBaseTrees(),
  };
  return makeToolContext(deps as never, facts, request as never, new AbortController().signal);
};

describe('our own data folder inside a project', () => {
  const withHome = (
    body: (workspace: Workspace, context: ToolContext) => Promise<void>,
  ): Promise<void> =>
    withWorkspace(async (workspace) => {
      for (const name of ['secrets/s.json', 'runtime.json', 'loomkin.db'])
        workspace.put(`.local/loomkin/${name}`, 'secret');
      const home = workspace.at('.local/loomkin');
      const context = contextAt(home, workspace.project);
      workspace.put(`.local/loomkin/scratch/${context.sessionId}/lead.1.0.txt`, 'long');
      workspace.put(`.local/loomkin/shells/${context.sessionId}+lead.1.0/output`, 'long');
      workspace.put(`.local/loomkin/scratch/other/lead.1.0.txt`, 'theirs');
      await body(workspace, context);
    });

  test('is neither read nor written, under its name or another', () =>
    withHome(async (workspace, context) => {
      symlinkSync('.local', workspace.at('alias'));
      symlinkSync(workspace.at('.local/loomkin/secrets'), workspace.at('innocent'));
      for (const path of [
        '.local/loomkin',
        '.local/loomkin/secrets/s.json',
        'alias/loomkin/runtime.json',
        'innocent/s.json',
        'innocent/new',
        '.local/loomkin/scratch/other/lead.1.0.txt',
        workspace.at('.local/loomkin/loomkin.db'),
        '.local/loomkin/no/such/file',
      ])
        for (const placed of [await placeToRead(path, context), await placeToWrite(path, context)])
          expect([path, placed]).toEqual([
            path,
            { kind: 'refused', text: expect.stringContaining('belongs to Loomkin itself') },
          ]);
      expect((await placeToWrite('.local/loomkin2/x', context)).kind).toBe('inside');
      expect((await placeToRead('.local/x', context)).kind).toBe('inside');
    }));

  test('still shows a session its own long outputs', () =>
    withHome(async (workspace, context) => {
      const output = `.local/loomkin/shells/${context.sessionId}+lead.1.0/output`;
      for (const path of [join(context.scratch, 'lead.1.0.txt'), workspace.at(output)]) {
        expect(await placeToRead(path, context)).toMatchObject({ kind: 'inside', path });
        expect((await placeToWrite(path, context)).kind).toBe('refused');
      }
    }));

  test('does not shut out a project that lies in it', () =>
    withHome(async (workspace, context) => {
      const project = workspace.at('.local/loomkin/worktrees/w');
      mkdirSync(project, { recursive: true });
      expect((await placeToWrite('a', { ...context, project })).kind).toBe('inside');
      expect((await placeToRead('../../secrets/s.json', { ...context, project })).kind).toBe(
        'refused',
      );
    }));
});
