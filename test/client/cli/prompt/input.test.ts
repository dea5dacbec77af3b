/**
 * Where a prompt comes from, and what is no prompt: arguments, pipes, files, folders, silence.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildCli, StandInDaemon, startCli } from '../../../support/cli.js';
import type { BuiltCli, Stdin } from '../../../support/cli.js';
import { result } from '../../../support/session-events.js';

let cli: BuiltCli;
let daemon: StandInDaemon;

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
  daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId));
});
afterEach(() => daemon.remove());

const run = async (args: readonly string[], stdin: Stdin) => {
  const started = startCli(cli.file, args, { cwd: daemon.project, env: daemon.env(), stdin });
  const { code } = await started.ended;
  const sent = daemon.requests.find(({ method }) => method === 'POST');
  return { code, text: sent?.body['text'], stderr: started.stderr() };
};

describe('a prompt', () => {
  test('is the argument when stdin holds nothing', async () => {
    expect(await run(['-p', 'go on'], null)).toMatchObject({ code: 0, text: 'go on' });
  });

  test('is stdin when there is no argument', async () => {
    expect(await run([], 'from a pipe\n')).toMatchObject({ code: 0, text: 'from a pipe\n' });
  });

  test('of argument and stdin has a blank line between them', async () => {
    const { code, text } = await run(['-p', 'Explain:'], 'line 1\nline 2\n');
    expect({ code, text }).toEqual({ code: 0, text: 'Explain:\n\nline 1\nline 2\n' });
  });

  test('goes on alone when the pipe stays silent for 3 s', async () => {
    const before = Date.now();
    expect(await run(['-p', 'go on'], 'open')).toMatchObject({ code: 0, text: 'go on' });
    expect(Date.now() - before).toBeGreaterThan(2900);
  });

  test('waits for the end of a pipe that began to speak', async () => {
    const options = { cwd: daemon.project, env: daemon.env(), stdin: 'open' } as const;
    const started = startCli(cli.file, ['-p', 'Explain:'], options);
    started.child.stdin?.write('first ');
    await new Promise((resolve) => setTimeout(resolve, 3300));
    expect(daemon.requests).toHaveLength(0);
    started.child.stdin?.end('last');
    expect((await started.ended).code).toBe(0);
    expect(daemon.requests[0]?.body['text']).toBe('Explain:\n\nfirst last');
  });

  test('from a file is that file', async () => {
    const file = join(daemon.folder, 'prompt.txt');
    writeFileSync(file, 'from a file');
    const command = `"${process.execPath}" "${cli.file}" -p < "${file}"`;
    const started = startShell(command);
    expect((await started.ended).code).toBe(0);
    expect(daemon.requests[0]?.body['text']).toBe('from a file');
  });

  test('of just under 4 MB is sent whole', async () => {
    const text = 'x'.repeat(4 * 1024 * 1024);
    const sent = await run(['-p'], text);
    expect(sent.code).toBe(0);
    expect(sent.text === text).toBe(true);
  });

  test('with bytes that are no text is sent with a word about it', async () => {
    const { code, text, stderr } = await run(['-p'], Buffer.from([0x61, 0xe4, 0x62]));
    expect({ code, text }).toEqual({ code: 0, text: 'a\ufffdb' });
    expect(stderr).toMatch(/^loomkin: note: stdin held bytes that are not UTF-8/);
  });
});

const startShell = (command: string) => {
  const file = join(daemon.folder, 'run.mjs');
  writeFileSync(
    file,
    `import { spawnSync } from 'node:child_process';
     process.exit(spawnSync('/bin/sh', ['-c', ${JSON.stringify(command)}], { stdio: 'inherit' }).status);`,
  );
  return startCli(file, [], { cwd: daemon.project, env: daemon.env() });
};

describe('exit code 42', () => {
  const MEGABYTES_10 = 'x'.repeat(10 * 1024 * 1024);
  test.each<[string, readonly string[], Stdin, RegExp]>([
    ['an empty prompt', ['-p', ''], null, /the prompt is empty/],
    ['a blank prompt', ['-p', ' \n\t '], null, /the prompt is empty/],
    ['nothing at all', ['-p'], 'ignore', /the prompt is empty/],
    ['a blank pipe', [], ' \n ', /the prompt is empty/],
    ['a prompt of 10 MB', ['-p'], MEGABYTES_10, /over 4 MB/],
    ['a prompt that a pipe makes too large', ['-p', 'Explain'], MEGABYTES_10, /over 4 MB/],
  ])('for %s', async (_, args, stdin, message) => {
    const { code, stderr } = await run(args, stdin);
    expect(code).toBe(42);
    expect(stderr).toMatch(/^loomkin: .*\n$/);
    expect(stderr).toMatch(message);
    expect(daemon.requests).toHaveLength(0);
  });

  test('for a folder as stdin', async () => {
    const started = startShell(`"${process.execPath}" "${cli.file}" -p < "${daemon.folder}"`);
    expect((await started.ended).code).toBe(42);
    expect(started.stderr()).toMatch(/^loomkin: can't read the prompt \(stdin: EISDIR\)/);
  });

  test('starts nothing in an empty home', async () => {
    const home = join(daemon.folder, 'other');
    mkdirSync(home);
    const env = { PATH: process.env['PATH'] ?? '', LOOMKIN_HOME: home };
    const { status } = spawnSync(process.execPath, [cli.file, '-p', ''], { env, input: '' });
    expect(status).toBe(42);
    const { stdout } = spawnSync('find', [home, '-type', 'f'], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
