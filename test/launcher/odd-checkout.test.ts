/**
 * Checkouts that were copied, mounted, named or interrupted in ways that nobody thinks of: they start, or
 * say in one line why not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Ended, Yard } from './small-checkout.js';
import { answerOf, fresh, setUp, useTemplates } from './templates.js';

useTemplates();

const changeSource = (yard: Yard, text: string): void =>
  yard.write('client/cli/more.ts', `export const more = '${text}';\n`);

const startBuild = (yard: Yard) =>
  spawn(process.execPath, [join(yard.checkout, 'scripts/build.mjs')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** The launcher in a mount namespace of its own, after the script has mounted what it likes. */
const runMounted = (yard: Yard, script: string): Promise<Ended> => {
  const userMap = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const words = [...userMap, '--mount', 'sh', '-c', `${script} && exec "$0/loomkin"`];
  return yard.run({ command: 'unshare', args: [...words, yard.checkout], cwd: '/' });
};
const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"';

describe('a checkout', () => {
  test('is set up where it lies, although CDPATH has another of that name', () =>
    setUp(async (yard) => {
      rmSync(join(yard.checkout, 'dist/built'));
      const decoy = join(yard.folder, 'decoy');
      mkdirSync(join(decoy, 'checkout', 'scripts'), { recursive: true });
      const ended = await yard.run({ command: 'checkout/loomkin', env: { CDPATH: decoy } });
      answerOf(ended);
      expect(readdirSync(join(decoy, 'checkout'))).toEqual(['scripts']);
      expect(existsSync(join(yard.checkout, 'dist/built'))).toBe(true);
    }));

  test('is built in a folder of any name', () =>
    setUp(async (yard) => {
      rmSync(join(yard.checkout, 'dist'), { recursive: true });
      answerOf(await yard.run());
      const again = await yard.run();
      expect([again.code, again.stderr]).toEqual([0, '']);
    }, `-a "checkout" it's ünï $HOME \`x\` %s#1`));

  test('whose link to the newest build was copied as a folder is built again, with a link', () =>
    setUp(async (yard) => {
      const current = join(yard.checkout, 'dist/current');
      const build = realpathSync(current);
      rmSync(current);
      cpSync(build, current, { recursive: true });
      changeSource(yard, 'newer');
      rmSync(join(yard.checkout, 'dist/built'));
      const { build: newer } = answerOf(await yard.run());
      expect(lstatSync(current).isSymbolicLink()).toBe(true);
      expect(readlinkSync(current)).toBe(newer);
      expect(newer).not.toBe(build.split('/').at(-1));
    }));

  test('whose link to the newest build leads nowhere is built again', () =>
    setUp(async (yard) => {
      const { build } = answerOf(await yard.run());
      rmSync(join(yard.checkout, 'dist', build), { recursive: true });
      expect(answerOf(await yard.run()).build).toBe(build);
    }));

  test('that keeps its refs in tables is built again when they change, and not else', () =>
    setUp(async (yard) => {
      mkdirSync(join(yard.checkout, '.git/reftable'), { recursive: true });
      yard.write('.git/HEAD', 'ref: refs/heads/.invalid\n');
      const commit = (table: string): void => yard.write('.git/reftable/tables.list', table);
      commit('0x01-0x03-4f2a.ref\n0x04-0x04-77aa.ref\n');
      const first = answerOf(await yard.run()).build;
      changeSource(yard, 'of the next commit');
      expect(answerOf(await yard.run()).build).toBe(first);
      commit('0x01-0x03-4f2a.ref\n0x04-0x05-9b01.ref\n');
      const second = answerOf(await yard.run()).build;
      expect(second).not.toBe(first);
      const third = await yard.run();
      expect([answerOf(third).build, third.stderr]).toEqual([second, '']);
    }));

  test('of which git has lost the head starts all the same', () =>
    setUp(async (yard) => {
      mkdirSync(join(yard.checkout, '.git'));
      for (const head of ['', 'ref: refs/heads/gone\n', '\0\0\0']) {
        yard.write('.git/HEAD', head);
        answerOf(await yard.run());
      }
    }));
});

describe('a checkout on a file system', () => {
  test('that may only be read serves when it was set up', () =>
    setUp(async (yard) => {
      const { build } = answerOf(await yard.run());
      rmSync(join(yard.checkout, 'dist/built'));
      const ended = await runMounted(yard, READ_ONLY);
      expect(answerOf(ended).build).toBe(build);
      expect(ended.stderr).toMatch(/^loomkin: this build is older .+\n$/);
    }));

  test('that may only be read says who has to set it up when it was not', () =>
    fresh(async (yard) => {
      const ended = await runMounted(yard, READ_ONLY);
      expect([ended.code, ended.stdout]).toEqual([2, '']);
      expect(ended.stderr).toMatch(
        /^loomkin: this checkout is not set up .+ can't be written.+\n$/,
      );
    }));

  test.each([4, 12])('that is full after %i KB says so in one line', (kilobytes) =>
    setUp(async (yard) => {
      const small = `mount -t tmpfs -o size=${kilobytes}k none "$0/dist"`;
      const ended = await runMounted(yard, small);
      expect([ended.code, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toMatch(
        /^loomkin: [^\n]*the disk that holds [^\n]+ is full\. Free some disk space, [^\n]+\n$/,
      );
    }),
  );
});

describe('a build', () => {
  test('is one build however many make it at once', () =>
    setUp(async (yard) => {
      changeSource(yard, 'built by four');
      const builds = Array.from({ length: 4 }, () => startBuild(yard));
      const said = await Promise.all(
        builds.map(async (child) => [...(await child.stdout.toArray())].join('')),
      );
      expect(new Set(said).size).toBe(1);
      const hash = /dist\/(.+)\n/.exec(said[0]!)![1]!;
      expect(readlinkSync(join(yard.checkout, 'dist/current'))).toBe(hash);
      const names = readdirSync(join(yard.checkout, 'dist'));
      expect(names.filter((name) => /partial|current\./.test(name))).toEqual([]);
    }));

  test('that is killed at whatever moment is never the one that starts', () =>
    setUp(async (yard) => {
      for (const afterMs of [60, 100, 130, 160]) {
        changeSource(yard, `after ${afterMs}`);
        const child = startBuild(yard);
        const exit = once(child, 'exit');
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        child.kill('SIGKILL');
        await exit;
        const current = join(yard.checkout, 'dist/current');
        expect(readdirSync(current)).toEqual(expect.arrayContaining(['cli.js', 'complete']));
        answerOf(await yard.run());
      }
      changeSource(yard, 'in the end');
      writeFileSync(join(yard.checkout, 'dist/built'), 'another\n');
      answerOf(await yard.run());
    }));
});
