/**
 * What people get wrong, as they meet it: the real command line, the real daemon, the exit code, the words.
 *
 * What the command line refuses by itself is tested in full beside it: flags in `client/cli/usage.test.ts`,
 * prompts that are empty or of 10 MB in `client/cli/prompt/input.test.ts`, config files line by line in
 * `config/faults.test.ts`, an installation that was interrupted in `launcher/setup.test.ts`, a damaged
 * server database in `workers/supervisor.test.ts`. What must stay true: every refusal is one to three
 * lines `loomkin: WHAT (WHERE). DO`, without a stack trace, and says nothing on stdout.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import Database from 'better-sqlite3';

import { startTimeOf } from '../../config/runtime-file.js';
import { onSmallDisk } from '../support/small-disk.js';
import { CLI, processesOf, type CommandEnd } from '../support/rig.js';
import { GATED, openRig, placeIn, resultOf } from './open-rig.js';

const rig = openRig({
  script: {
    models: ['mock', 'mock-large'],
    replies: [{ text: 'hello' }],
    conversations: [
      {
        match: '[gated]',
        replies: [
          { calls: [{ name: 'shell', arguments: { command: GATED } }] },
          { text: 'it was full' },
        ],
      },
      {
        match: '[html]',
        replies: [
          { faults: [{ kind: 'status', status: 404, body: '<html>\n<body>\n<h1>\nno\n\n' }] },
        ],
      },
    ],
  },
});

const proveRefusal = (end: CommandEnd, code: number, words: RegExp): void => {
  expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: '' });
  expect(end.stderr).toMatch(/^loomkin: .+\. \S.*\n/s);
  expect(end.stderr).toMatch(words);
  expect(end.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  expect(end.stderr).not.toMatch(/\n\s+at |node:internal|undefined|\[object/);
};

/** A file beside the rig's project. */
const fileBeside = (name: string, text: string): string => {
  const path = join(dirname(rig().project), name);
  writeFileSync(path, text);
  return path;
};

describe('refused', () => {
  const ask = (args: readonly string[], change: NodeJS.ProcessEnv = {}) =>
    rig().command(['-p', ...args, 'hi'], '', change).end;

  test.each<[string, readonly string[], number, RegExp, NodeJS.ProcessEnv?]>([
    ['a project that is missing', ['--project', '/no/such'], 2, /\/no\/such: it does not exist/],
    ['a project that is a file', ['--project', 'README.md'], 2, /README\.md: it is not a folder/],
    ['an unknown flag', ['--modle', 'x/y'], 2, /unknown flag --modle\. Did you mean --model\?/],
    ['no key', ['-m', 'openai/mock'], 2, /OPENAI_API_KEY/, { OPENAI_API_KEY: undefined }],
    ['no key and no model', [], 2, /(key|model)/i, { OPENAI_API_KEY: undefined }],
    ['an unknown provider', ['-m', 'opnai/mock'], 2, /opnai.*openai/s],
    ['an unknown script', ['-m', 'scripted/helo-refactor'], 2, /helo-refactor.*hello-refactor/s],
    ['a model that names no provider', ['-m', 'mock'], 2, /mock/],
    ['a model that its server does not know', ['-m', 'openai/mokc'], 2, /mokc.*mock.*--model/s],
    [
      'a home that can not be',
      ['-m', 'openai/mock'],
      2,
      /LOOMKIN_HOME/,
      { LOOMKIN_HOME: '/proc/loomkin' },
    ],
  ])('%s', async (_what, args, code, words, change = {}) =>
    proveRefusal(await ask(args, change), code, words),
  );

  test('a project that may not be read', () => {
    const unreadable = join(dirname(rig().project), 'closed', 'project');
    mkdirSync(unreadable, { recursive: true, mode: 0o700 });
    execFileSync('chmod', ['000', dirname(unreadable)]);
    // Root reads everything, so it asks as somebody else.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const end = spawnSync(process.execPath, [CLI, '-p', '--project', unreadable, 'hi'], {
      ...nobody,
      env: rig().env,
      cwd: '/',
      encoding: 'utf8',
    });
    execFileSync('chmod', ['700', dirname(unreadable)]);
    proveRefusal({ ...end, code: end.status, lines: [] }, 2, /no permission to read it/);
  });

  test('a config file that is broken, with its line', async () => {
    const file = fileBeside('broken.toml', 'max_turns = 3\nmodel = "openai/mock\n');
    proveRefusal(await ask(['--config', file]), 2, /broken\.toml.*2/s);
    const unknown = fileBeside('unknown.toml', '# mine\n\nmax_trns = 3\n');
    proveRefusal(await ask(['--config', unknown]), 2, /max_trns.*unknown\.toml.*3.*max_turns/s);
  });

  test('a config file of the project, with its line', async () => {
    const here = placeIn(rig(), 'broken', { '.loomkin/config.toml': '\nmodle = "a/b"\n' });
    proveRefusal(await ask(['--project', here.project]), 2, /modle.*config\.toml.*2.*model/s);
  });

  test('what a model server says in many lines, in three', async () => {
    const end = await rig().command(['-p', '-m', 'openai/mock', '[html]']).end;
    expect(end.code).not.toBe(0);
    expect(end.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    expect(end.stderr).toMatch(/--model/);
  });
});

test('a model its server does not know: the session began, so there is a result', async () => {
  const end = await placeIn(rig(), 'unknown').prompt('hi', '-m', 'openai/mokc').end;
  expect(end.code).toBe(2);
  expect(resultOf(end)).toMatchObject({
    subtype: 'error_during_execution',
    is_error: true,
    exit_code: 2,
    outcome: 'failed',
  });
});

test('a folder without a repository works, and says so', async () => {
  const folder = join(dirname(rig().project), 'plain');
  mkdirSync(folder);
  const args = ['-p', '--project', folder, '-m', 'openai/mock', 'hi'];
  const end = await rig().command(args).end;
  expect(end).toMatchObject({ code: 0, stdout: 'hello\n' });
  expect(end.stderr).toMatch(/plain is not a git repository/);
  const json = await rig().command(['--output-format', 'stream-json', ...args]).end;
  const notices = json.lines.filter(({ subtype }) => subtype === 'loomkin_notice');
  expect(notices).toHaveLength(1);
  expect(notices[0]?.['text']).toMatch(/not a git repository/);
});

describe('a home of its own', () => {
  const homeWith = (name: string): string => {
    const home = join(dirname(rig().project), name);
    mkdirSync(home, { mode: 0o700 });
    return home;
  };
  const nothingRuns = async (home: string): Promise<void> => {
    while (processesOf(home).length > 0) await sleep(20);
  };

  test('with a damaged database is named, kept aside, and left as it is', async () => {
    const home = homeWith('damaged');
    const file = join(home, 'loomkin.db');
    writeFileSync(file, 'this is no database, '.repeat(1000));
    const before = readFileSync(file);
    const env = { LOOMKIN_HOME: home };
    proveRefusal(
      await rig().command(['up'], '', env).end,
      1,
      /loomkin\.db.*(damaged|not a database)/s,
    );
    await nothingRuns(home);
    expect(readFileSync(file).equals(before)).toBe(true);
    const kept = readdirSync(join(home, 'backups'));
    expect(kept.length).toBeGreaterThan(0);
    expect(readFileSync(join(home, 'backups', kept[0]!)).equals(before)).toBe(true);
  });

  test('with a newer database is refused', async () => {
    const home = homeWith('newer');
    const file = join(home, 'loomkin.db');
    const ours = new Database(join(rig().home, 'loomkin.db'), { readonly: true });
    ours.exec(`vacuum into '${file}'`);
    ours.close();
    const db = new Database(file);
    db.pragma('user_version = 99');
    db.close();
    const before = readFileSync(file);
    const env = { LOOMKIN_HOME: home };
    const args = ['-p', '-m', 'openai/mock', 'hi'];
    proveRefusal(await rig().command(args, '', env).end, 1, /schema 99/);
    await nothingRuns(home);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('and no way to fetch Temporal: what was tried, and the ways out', async () => {
    const home = homeWith('unsupplied');
    const bin = join(home, 'bin');
    mkdirSync(bin);
    for (const name of ['sh', 'git']) symlinkSync(`/usr/bin/${name}`, join(bin, name));
    const end = await rig().command(['-p', '-m', 'openai/mock', 'hi'], '', {
      LOOMKIN_HOME: home,
      LOOMKIN_TEMPORAL_BIN: undefined,
      XDG_CACHE_HOME: join(home, 'cache'),
      HTTPS_PROXY: 'http://127.0.0.1:9',
      PATH: bin,
    }).end;
    const last = end.stderr.slice(end.stderr.indexOf("loomkin: can't"));
    proveRefusal({ ...end, stderr: last }, 1, /can't fetch the Temporal server/);
    for (const way of ['pip', 'uv', 'PATH', 'LOOMKIN_TEMPORAL_BIN']) expect(last).toContain(way);
    expect(processesOf(home)).toEqual([]);
  });

  test('on a disk that gets full: said, nothing accepted is lost, and room mends it', async () => {
    const disk = homeWith('disk');
    const place = placeIn(rig(), 'full');
    const script = `
      cli() { "$NODE" "$CLI" "$@"; }
      ask() { cli -p -m openai/mock --permission-mode bypass --project "$PROJECT" "$@" 2>&1; echo "[$?]"; }
      cli up >&2 || exit 9
      ask before </dev/null
      ask '[gated]' </dev/null >"$PROJECT/../gated.txt" &
      until [ -e "$PROJECT/begun" ]; do sleep 0.02; done
      head -c 200m /dev/zero >"$LOOMKIN_HOME/filler" 2>/dev/null
      head -c 400000 /dev/zero | tr '\\0' x | ask
      touch "$PROJECT/go"
      until [ -e "$PROJECT/passed" ]; do sleep 0.02; done
      sleep 1
      rm "$LOOMKIN_HOME/filler"
      wait
      cat "$PROJECT/../gated.txt"
      ask -c after </dev/null
      cli down >&2`;
    const said = await onSmallDisk(disk, 48, ['sh', '-c', script], {
      ...rig().env,
      LOOMKIN_HOME: disk,
      NODE: process.execPath,
      CLI,
      PROJECT: place.project,
    });
    expect(said.split(/\n(?=\[)|(?<=\])\n/)).toEqual([
      'hello',
      '[0]',
      'loomkin: the disk that holds LOOMKIN_HOME is full. Free some space; sessions go on from where they are.',
      '[1]',
      'it was full',
      '[0]',
      'done',
      '[0]',
      '',
    ]);
    expect(readFileSync(place.at('passed'), 'utf8')).toBe('through\n');
  });
});

describe('ports of the last time that were taken meanwhile', () => {
  /** The dead give their ports up a moment after they are gone. */
  const take = async (port: number): Promise<Server> => {
    const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
    const isTaken = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isTaken) return server;
    await sleep(20);
    return take(port);
  };

  test('are replaced, and the prompt does not notice', async () => {
    expect((await rig().command(['up']).end).code).toBe(0);
    const { supervisor, daemon, temporal } = rig().runtime();
    for (const mark of [supervisor, daemon, temporal]) process.kill(mark!.pid, 'SIGKILL');
    for (const mark of [supervisor, daemon, temporal])
      while (startTimeOf(mark!.pid) === mark!.start_time) await sleep(5);
    const taken = await Promise.all([daemon!.port, temporal!.port].map(take));
    try {
      const end = await rig().command(['-p', '-m', 'openai/mock', 'hi']).end;
      expect(end).toMatchObject({ code: 0, stdout: 'hello\n', stderr: '' });
      expect(rig().runtime().daemon?.port).not.toBe(daemon!.port);
      expect(rig().runtime().temporal?.port).not.toBe(temporal!.port);
    } finally {
      for (const server of taken) server.close();
    }
  });
});
