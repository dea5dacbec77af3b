import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { CarriedOut } from '../../../activities/effects/effect.js';
import { gitTool } from '../../../activities/tools/git/git.js';
import { bundleForTests } from '../../effects/bundle.js';
import type { DriverRequest } from '../../effects/process-driver.js';
import { SCRIPTS_DIR } from '../../effects/process-scene.js';
import { withRepository, type Repository } from './repository.js';

const ROUNDS = Number(process.env['LOOMKIN_KILL_ROUNDS'] ?? 5);

/** A daemon in small commits a.txt; resolves with null when it was killed. */
const drive = async (
  r: Repository,
  index: number,
  options: { readonly fault?: string; readonly killAfterMs?: number } = {},
): Promise<CarriedOut | null> => {
  const { threadFile, driverFile } = await bundleForTests();
  const request: DriverRequest = {
    home: r.home,
    project: r.project,
    session: r.session,
    scriptsDir: SCRIPTS_DIR,
    threadFile,
    tool: 'git',
    input: { operation: 'commit', message: `round ${index}`, paths: ['a.txt'] },
    call: { index, env: r.env },
    ...(options.fault !== undefined && { fault: options.fault }),
  };
  const child = spawn(process.execPath, [driverFile, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (part: Buffer) => (printed += part.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.killAfterMs ?? 50_000);
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return signal === 'SIGKILL' ? null : (JSON.parse(printed) as CarriedOut);
};

/** Counts commits by a hook, beside the log. */
const countCommits = (r: Repository): void => {
  const hooks = join(r.project, '.git', 'hooks');
  mkdirSync(hooks, { recursive: true });
  writeFileSync(join(hooks, 'post-commit'), '#!/bin/sh\necho made >> ../made\n');
  writeFileSync(join(hooks, 'pre-commit'), '#!/bin/sh\nsleep 0.05\n');
  for (const name of ['post-commit', 'pre-commit']) chmodSync(join(hooks, name), 0o755);
};

const expectOnce = (r: Repository, index: number, commits: number, carried: CarriedOut): void => {
  expect(carried.outcome).toMatchObject({ state: 'applied', isError: false });
  const calls = r.git('log', '--format=%(trailers:key=Loomkin-Call,valueonly)').match(/lead\S+/g);
  expect(calls?.filter((call) => call === `lead.1.${index}`)).toHaveLength(1);
  expect(readFileSync(join(r.home, 'made'), 'utf8')).toBe('made\n'.repeat(commits));
  expect(carried.outcome.note.commit).toBe(r.git('rev-parse', 'HEAD').trim());
  expect(r.git('status', '--short')).toBe('');
  expect(readdirSync(join(r.project, '.git')).filter((name) => /lock|loomkin/.test(name))).toEqual(
    [],
  );
};

test.each(['effect.after-claim', 'shell.running', 'effect.after-act', 'effect.after-outcome'])(
  'killed at %s, the commit is made once',
  (point) =>
    withRepository(async (r) => {
      countCommits(r);
      r.put('a.txt', 'changed\n');
      expect(await drive(r, 0, { fault: `${point}:git=kill` })).toBeNull();
      const carried = await drive(r, 0);
      expectOnce(r, 0, 1, carried!);
    }),
);

test(
  'killed at any moment, every commit is made once',
  () =>
    withRepository(async (r) => {
      countCommits(r);
      r.put('a.txt', 'warm\n');
      const begunAt = Date.now();
      await drive(r, 1000);
      const wholeMs = Date.now() - begunAt;
      for (let index = 0; index < ROUNDS; index += 1) {
        r.put('a.txt', `round ${index}\n`);
        const killAfterMs = wholeMs * (0.4 + (0.6 * index) / ROUNDS);
        const carried = (await drive(r, index, { killAfterMs })) ?? (await drive(r, index));
        expectOnce(r, index, index + 2, carried!);
      }
    }),
  240_000,
);

/** Kills everything that carries the mark of this call, and its wrapper: as a power cut would. */
const killAll = (r: Repository, index: number): void => {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      const isIts = line.includes('wrap.sh') && line.includes(`\0${r.session}/lead.1.${index}\0`);
      if (isIts || environment.includes(`LOOMKIN_EFFECT=${r.session}/lead.1.${index}\0`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
};

test(
  'killed with everything it started, the commit is found or made, once',
  () =>
    withRepository(async (r) => {
      r.put('a.txt', 'warm\n');
      const begunAt = Date.now();
      await r.commit('warm', ['a.txt'], { index: 1000 });
      const wholeMs = Date.now() - begunAt;
      for (let index = 0; index < ROUNDS; index += 1) {
        r.put('a.txt', `round ${index}\n`);
        const first = r.commit(`round ${index}`, ['a.txt'], { index });
        await new Promise((done) => setTimeout(done, wholeMs * (0.3 + (0.7 * index) / ROUNDS)));
        killAll(r, index);
        const { outcome } = await first;
        const calls = r
          .git('log', '--format=%(trailers:key=Loomkin-Call,valueonly)')
          .match(/lead\S+/g);
        const made = calls?.filter((call) => call === `lead.1.${index}`).length ?? 0;
        expect(outcome.state).toBe(made === 1 ? 'applied' : 'failed');
        const locks = readdirSync(join(r.project, '.git'), { recursive: true });
        expect(locks.filter((name) => String(name).endsWith('.lock'))).toEqual([]);
        expect(r.git('status', '--short')).toBe(made === 1 ? '' : ' M a.txt\n');
        if (made === 0) r.git('checkout', '-q', '--', 'a.txt');
      }
    }),
  240_000,
);

test('after a power cut the commit is looked for before it is made again', () =>
  withRepository(async (r) => {
    r.put('a.txt', 'one\n');
    const input = { operation: 'commit', message: 'x', paths: ['a.txt'] } as const;
    const claimAs = async (index: number): Promise<void> => {
      const env = r.environment(gitTool, input, { env: r.env, index });
      const dir = join(r.shellsDir, `cut-${index}`);
      mkdirSync(dir, { recursive: true });
      const nonce = `${index}`.repeat(32);
      const plan = await gitTool.plan(input, env.context);
      writeFileSync(join(dir, `${nonce}.json`), JSON.stringify({ ...plan, umask: 0o022 }));
      writeFileSync(join(dir, `${nonce}.sh`), plan.kind === 'process' ? plan.script : '');
      writeFileSync(join(dir, 'started'), '17 4711 an-earlier-boot\n');
      await r.store.call('claimEffect', {
        key: env.context.effectKey,
        sessionId: r.session,
        tool: 'git',
        effect: 'reconcilable',
        claim: { kind: 'process', dir, bootId: 'an-earlier-boot', nonce },
        at: new Date().toISOString(),
        preImage: null,
        postImage: null,
      });
    };
    await claimAs(1);
    const made = await r.call(input, { index: 1 });
    expect(made.outcome).toMatchObject({ state: 'applied', isError: false });
    expect(r.git('rev-list', '--count', 'HEAD').trim()).toBe('2');

    // The same again, but now the commit is there although nobody wrote that down.
    const trailers = `two\n\nLoomkin-Session: ${r.session}\nLoomkin-Call: lead.1.2`;
    r.put('a.txt', 'two\n');
    await claimAs(2);
    const tree = r.git('ls-tree', 'HEAD', '--object-only', 'a.txt');
    r.git('commit', '-q', '-am', trailers);
    // As if the machine had died before the index was brought up to date.
    r.git('update-index', '--cacheinfo', `100644,${tree.trim()},a.txt`);
    expect(r.git('diff', '--cached', '--name-only')).toBe('a.txt\n');
    const found = await r.call(input, { index: 2 });
    expect(found.outcome).toMatchObject({ state: 'applied', isError: false });
    expect(found.outcome.note.commit).toBe(r.git('rev-parse', 'HEAD').trim());
    expect(r.git('rev-list', '--count', 'HEAD').trim()).toBe('3');
    expect(r.git('status', '--short')).toBe('');
    expect(existsSync(join(r.project, '.git', 'index.lock'))).toBe(false);
  }));
