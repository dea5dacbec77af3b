import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { pathWithNode, type Yard } from './small-checkout.js';
import { answerOf, fresh, setUp, useTemplates } from './templates.js';

useTemplates();

describe('a checkout that is set up', () => {
  test('starts without npm, without git and without writing anything', () =>
    setUp(async (yard) => {
      const node = `#!/bin/sh\nexec ${process.execPath} "$@"\n`;
      const before = statSync(join(yard.checkout, 'dist')).mtimeMs;
      const ended = await yard.run({ env: { PATH: pathWithNode(yard.folder, node) } });
      answerOf(ended);
      expect(ended.stderr).toBe('');
      expect(statSync(join(yard.checkout, 'dist')).mtimeMs).toBe(before);
      expect(existsSync(join(yard.checkout, 'dist/setup.log'))).toBe(true);
    }));

  test('costs at most 10 ms on top of what it becomes', () =>
    setUp(async (yard) => {
      // It becomes `true` here: so short a process meets a free moment even on a busy machine.
      const nothing = execFileSync('sh', ['-c', 'which true'], { encoding: 'utf8' });
      const bin = join(yard.folder, 'bin');
      mkdirSync(bin);
      symlinkSync(nothing.trim(), join(bin, 'node'));
      const best = (command: string): number =>
        Math.min(
          ...Array.from({ length: 60 }, () => {
            const began = performance.now();
            expect(spawnSync(command, { env: { PATH: bin } }).status).toBe(0);
            return performance.now() - began;
          }),
        );
      const overheadMs = best(join(yard.checkout, 'loomkin')) - best(join(bin, 'node'));
      expect(overheadMs).toBeLessThanOrEqual(10);
    }));

  test('hands on the exit code', () =>
    setUp(async (yard) => {
      expect((await yard.run({ args: ['fail'] })).code).toBe(53);
    }));

  test('becomes node: a signal to it reaches the command', () =>
    setUp(async (yard) => {
      const { child, ended } = yard.start();
      expect(answerOf(await ended).pid).toBe(child.pid);
    }));

  test('is found through links, from PATH, and in a folder with blanks', () =>
    setUp(async (yard) => {
      const bin = join(yard.folder, 'links');
      execFileSync('mkdir', [bin]);
      symlinkSync(join(yard.checkout, 'loomkin'), join(bin, 'first'));
      symlinkSync('first', join(bin, 'loomkin'));
      answerOf(await yard.run({ command: join(bin, 'loomkin') }));
      const PATH = `${bin}:${process.env['PATH']}`;
      answerOf(await yard.run({ command: 'sh', args: ['-c', 'loomkin'], env: { PATH } }));
      answerOf(await yard.run({ command: './loomkin', cwd: yard.checkout }));
      expect(yard.installations()).toEqual([]);
    }, 'a checkout'));

  test('serves a user who may only read it', () =>
    setUp(async (yard) => {
      await asReader(yard, async (uid) => {
        const ended = await yard.run({ ...uid, cwd: '/' });
        answerOf(ended);
        expect(ended.stderr).toBe('');
      });
    }));

  test('serves a reader its old build when it has moved on, and says so', () =>
    setUp(async (yard) => {
      const before = answerOf(await yard.run()).build;
      yard.git('init', '-q');
      yard.git('commit', '-qm', 'first', '--allow-empty');
      await asReader(yard, async (uid) => {
        const ended = await yard.run({ ...uid, cwd: '/' });
        expect(answerOf(ended).build).toBe(before);
        expect(ended.stderr).toMatch(/^loomkin: this build is older than the checkout .+\n$/);
      });
    }));

  test('tells a reader of a clone that its owner has to set it up', () =>
    fresh(async (yard) => {
      await asReader(yard, async (uid) => {
        const ended = await yard.run({ ...uid, cwd: '/' });
        expect(ended.code).toBe(2);
        expect(ended.stderr).toMatch(
          /^loomkin: this checkout is not set up .+ can't be written.+\n$/,
        );
      });
    }));
});

/** As root: another user. Otherwise: the same user, without the right to write. */
const asReader = async (
  yard: Yard,
  body: (user: { uid?: number }) => Promise<void>,
): Promise<void> => {
  chmodSync(tmpdir(), 0o711);
  chmodSync(yard.folder, 0o755);
  if (process.getuid?.() === 0) return body({ uid: 65534 });
  execFileSync('chmod', ['-R', 'a-w', yard.checkout]);
  try {
    await body({});
  } finally {
    execFileSync('chmod', ['-R', 'u+w', yard.checkout]);
  }
};

describe('Node.js', () => {
  const oldNode = '#!/bin/sh\necho 18.20.4\n';

  test.each([
    ['a clone', fresh],
    ['a checkout that is set up, but changed', setUp],
  ])('that is too old is told in one line by %s', (_, from) =>
    from(async (yard) => {
      rmSync(join(yard.checkout, 'dist/built'), { force: true });
      const ended = await yard.run({ env: { PATH: pathWithNode(yard.folder, oldNode) } });
      expect([ended.code, ended.stdout]).toEqual([2, '']);
      expect(ended.stderr).toMatch(
        /^loomkin: Node\.js 18\.20\.4 is too old \(.+bin\/node\)\. Install Node\.js 20\.19 or newer\n$/,
      );
    }),
  );

  test.each([
    ['a clone', fresh],
    ['a checkout that is set up', setUp],
  ])('that is missing is told in one line by %s', (_, from) =>
    from(async (yard) => {
      const ended = await yard.run({ env: { PATH: pathWithNode(yard.folder, null) } });
      expect([ended.code, ended.stdout]).toEqual([2, '']);
      expect(ended.stderr).toMatch(/^loomkin: Node\.js is missing .+\n$/);
    }),
  );

  test('other than the one that set up gets packages of its own at the next start', () =>
    setUp(async (yard) => {
      const { build } = answerOf(await yard.run());
      const door = join('dist', build, 'cli.js');
      yard.write(door, yard.read(door).replace(`'${process.versions.modules}'`, "'1'"));
      yard.write('node_modules/better-sqlite3/build/Release/better_sqlite3.node', '1');
      const ended = await yard.run({ args: ['x'] });
      expect(answerOf(ended).args).toEqual(['x']);
      expect(ended.stderr).toContain('installing packages');
      expect(yard.installations()).toHaveLength(1);
    }));

  test('has its headers handed to the compiler where they lie beside it', () =>
    fresh(async (yard) => {
      const headers = join(dirname(dirname(process.execPath)), 'include/node/node.h');
      const script =
        "require('fs').appendFileSync(process.env.INSTALL_LOG + '.env', String(process.env.npm_package_config_node_gyp_nodedir))";
      yard.write('note.cjs', script);
      answerOf(
        await yard.run({ env: { NODE_OPTIONS: `--require ${join(yard.checkout, 'note.cjs')}` } }),
      );
      const seen = execFileSync('cat', [`${yard.log}.env`], { encoding: 'utf8' });
      expect(seen.includes(dirname(dirname(process.execPath)))).toBe(existsSync(headers));
    }));
});
