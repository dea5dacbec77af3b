import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { toolEnvironment } from '../../../activities/tools/environment.js';
import { shellTool } from '../../../activities/tools/shell/shell.js';
import { judge } from '../../../workflows/permission.js';
import { TEST_ENV } from '../../effects/process-call.js';
import { withScene } from '../../effects/process-scene.js';

describe('from one call to the next', () => {
  test('working folder and exported variables carry over, plain variables do not', () =>
    withScene(async ({ shell, project }) => {
      await shell(
        'mkdir -p a/b; cd a/b; export X="two words" Y=$\'new\\nline "q" $HOME\'; Z=plain',
      );
      const { outcome } = await shell('pwd; echo "$X|$Y|$Z"; echo "$OLDPWD"', { turn: 2 });
      expect(outcome.text).toBe(`${project}/a/b\ntwo words|new\nline "q" $HOME|\n${project}\n`);
    }));

  test('what was unset stays unset, what was changed stays changed', () =>
    withScene(async ({ shell }) => {
      await shell('unset LANG; PATH=$PATH:/opt/mine');
      const { outcome } = await shell('echo "${LANG-none}"; echo "${PATH##*:}"', { turn: 2 });
      expect(outcome.text).toBe('none\n/opt/mine\n');
    }));

  test('nothing passes between agents', () =>
    withScene(async ({ shell, project }) => {
      await shell('mkdir a; cd a; export X=1');
      const { outcome } = await shell('pwd; echo "${X-none}"', { agent: 'scout' });
      expect(outcome.text).toBe(`${project}\nnone\n`);
    }));

  test('keys and our own marks never stay', () =>
    withScene(async ({ shell, shellsDir, session }) => {
      await shell('export MY_API_KEY=sk-1 X_TOKEN=t LOOMKIN_HOME=/x TEMPORAL_ADDRESS=y OK=1');
      const { outcome } = await shell(
        'env | grep -cE "KEY|TOKEN|LOOMKIN_HOME|TEMPORAL"; echo $OK',
        {
          turn: 2,
        },
      );
      expect(outcome.text).toBe('0\n1\n');
      const second = await shell('echo $LOOMKIN_EFFECT', { turn: 2, index: 1 });
      expect(second.outcome.text).toBe(`${session}/lead.2.1\n`);
      const [file] = readdirSync(join(shellsDir, 'agents'));
      expect(readFileSync(join(shellsDir, 'agents', file!), 'utf8')).not.toContain('sk-1');
    }));

  test('a variable that the user changes reaches the next command', () =>
    withScene(async ({ shell }) => {
      await shell('export MINE=1');
      const env = { ...TEST_ENV, THEIRS: 'new' };
      const { outcome } = await shell('echo $MINE $THEIRS', { turn: 2, env });
      expect(outcome.text).toBe('1 new\n');
    }));

  test('the later call of a turn counts, whichever ends last', () =>
    withScene(async ({ shell, project }) => {
      await Promise.all([
        shell('mkdir -p a; cd a; sleep 0.3', { index: 0 }),
        shell('mkdir -p b; cd b', { index: 1 }),
      ]);
      expect((await shell('pwd', { turn: 2 })).outcome.text).toBe(`${project}/b\n`);
    }));

  test('a folder that is gone is replaced by the project', () =>
    withScene(async ({ shell, project }) => {
      await shell('mkdir a; cd a');
      rmSync(join(project, 'a'), { recursive: true });
      expect((await shell('pwd', { turn: 2 })).outcome.text).toBe(`${project}\n`);
    }));

  test.each([
    ['exec', 'cd /; exec true'],
    ['an EXIT trap of its own', 'trap "echo bye" EXIT; cd /'],
    ['kill -9', 'cd /; kill -9 $$'],
    ['a folder removed under it', 'mkdir gone; cd gone; rmdir ../gone'],
  ])('after %s what was there before stays', (_, command) =>
    withScene(async ({ shell, project }) => {
      await shell('mkdir a; cd a; export X=1');
      await shell(command, { turn: 2 });
      const { outcome } = await shell('pwd; echo $X', { turn: 3 });
      expect(outcome.text).toBe(`${project}/a\n1\n`);
    }),
  );

  test('options of the command do not spoil what is kept', () =>
    withScene(async ({ shell }) => {
      const { outcome } = await shell('set -eux; export E; cd /usr');
      expect(outcome.text).toBe('++ export E\n++ cd /usr\n');
      expect((await shell('pwd', { turn: 2 })).outcome.text).toBe('/usr\n');
      await shell('IFS=x; readonly PWD; cd() { false; }; printf() { false; }; export K=axb', {
        turn: 3,
      });
      expect((await shell('echo "$K"', { turn: 4 })).outcome.text).toBe('axb\n');
    }));

  test('a folder reached through a link is known by its real name', () =>
    withScene(async ({ shell, project }) => {
      mkdirSync(join(project, 'real'));
      await shell('ln -s real link; cd link');
      const { outcome } = await shell('pwd', { turn: 2 });
      expect(outcome.text.trim()).toBe(realpathSync(join(project, 'real')));
    }));
});

describe('toolEnvironment', () => {
  test('strips keys, the providers’ own names, the engine’s and ours', () => {
    const env = {
      PATH: '/bin',
      HOME: '/home/u',
      NVM_DIR: '/n',
      KEYBOARD: 'de',
      TOKENIZERS: '1',
      OPENAI_API_KEY: 's',
      GH_TOKEN: 's',
      AWS_SECRET: 's',
      DB_PASSWORD: 's',
      GOOGLE_APPLICATION_CREDENTIALS: 's',
      npm_config__auth_token: 's',
      MYLLM: 's',
      TEMPORAL_ADDRESS: 's',
      LOOMKIN_HOME: 's',
      LOOMKIN_EFFECT: 's',
    };
    expect(toolEnvironment(env, ['MYLLM'], [])).toEqual({
      PATH: '/bin',
      HOME: '/home/u',
      NVM_DIR: '/n',
      KEYBOARD: 'de',
      TOKENIZERS: '1',
    });
  });

  test('passes what the user names, but nothing of ours', () => {
    const env = { NPM_TOKEN: 'n', LOOMKIN_HOME: 'h', GH_TOKEN: 'g' };
    expect(toolEnvironment(env, [], ['NPM_TOKEN', 'LOOMKIN_HOME'])).toEqual({ NPM_TOKEN: 'n' });
  });
});

describe('the arguments', () => {
  test.each([
    [{ command: '' }, 'command'],
    [{ command: '  ' }, 'command'],
    [{ command: 'a\0b' }, 'NUL'],
    [{ command: 1 }, 'command'],
    [{}, 'command'],
    [{ command: 'x', timeout_ms: -1 }, 'timeout_ms'],
    [{ command: 'x', timeout_ms: 36_000_001 }, 'timeout_ms'],
    [{ command: 'x', background: 'yes' }, 'background'],
    [{ command: 'x', cwd: '/' }, 'cwd'],
  ])('%j are refused with words that name what is wrong', (input, word) => {
    const parsed = shellTool.parse(input);
    expect(parsed).toMatchObject({ ok: false, error: expect.stringContaining(word) });
  });

  test('may leave out what is optional, or say null', () => {
    const parsed = shellTool.parse({ command: 'ls', timeout_ms: null });
    expect(parsed).toEqual({ ok: true, input: { command: 'ls' } });
  });
});

describe('the subject', () => {
  const call = (command: string) => ({
    index: 0,
    name: 'shell',
    permission: 'execute' as const,
    subject: shellTool.subject({ command }),
    argumentsHash: '',
  });

  test('of a long command fits into 1 KB and is never covered by permission for its beginning', () => {
    const long = `git status ${' '.repeat(2000)}; rm -rf /`;
    expect(Buffer.byteLength(call(long).subject)).toBeLessThanOrEqual(1024);
    expect(judge(call(long), 'default', ['Bash(git status *)'])).toBe('ask');
  });

  test('differs when commands differ behind their first kilobyte', () => {
    const [one, other] = ['1', '2'].map((end) => call(`${'€'.repeat(1000)}${end}`).subject);
    expect(one).not.toBe(other);
    expect(one).not.toContain('\uFFFD');
    expect(call('npm test').subject).toBe('npm test');
  });
});

test('the description and schema stay short', () => {
  const text = shellTool.description + JSON.stringify(shellTool.inputSchema);
  expect(text.length).toBeLessThan(1200);
});
