/**
 * The real daemon at the ends of its life: in homes of odd names, fenced out by another one, asked to end
 * with work in hand, and started by somebody who does not know how.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ensureEngine } from '../../client/cli/daemon/ensure-engine.js';
import { takeDown } from '../../client/cli/daemon/programs.js';
import { programFile } from '../../config/dist.js';
import { homePaths, type HomePaths } from '../../config/paths.js';
import { isAlive, readRuntimeFile } from '../../config/runtime-file.js';
import { message } from '../stores/samples.js';
import { eventually, runToEnd, withInstallation } from '../support/installation.js';
import { withRig } from '../support/rig.js';
import { openTestStore, storePaths, takeFence } from '../support/store.js';

const lastExitOf = (paths: HomePaths): string | null | undefined =>
  readRuntimeFile(paths.runtime)?.daemon?.last_exit;

describe('the daemon', () => {
  it('keeps all of its home in it whatever that is called, and ends when another one fences it out', () =>
    withInstallation(async (i) => {
      const homes = join(i.folder, 'homes');
      const paths = homePaths(join(homes, `a?mode=memory#y%20z% "it's" ünï 家`));
      const request = { env: { ...i.env, LOOMKIN_HOME: paths.home }, stderr: process.stderr };
      try {
        const { runtime } = await ensureEngine(request);
        for (const file of [paths.temporalDb, paths.database])
          expect([statSync(file).size > 0, statSync(file).mode & 0o777]).toEqual([true, 0o600]);
        expect(readdirSync(homes)).toHaveLength(1);
        const other = await openTestStore({ ...storePaths(paths.home), file: paths.database });
        const { fence } = await takeFence(other);
        expect(await other.call('storeMessage', message('before'))).toBe(true);
        await eventually('its end', () => !isAlive(runtime.daemon!), 5000);
        await eventually('how it ended', () => lastExitOf(paths) === 'code 75', 5000);
        await ensureEngine(request);
        await expect(other.call('storeMessage', message('after'))).rejects.toMatchObject({
          code: 'FENCED',
        });
        const stored = await other.call('getMessages', { ids: ['before', 'after'] });
        expect(stored.map(({ id }) => id)).toEqual(['before']);
        expect((await other.call('storeFacts', {})).fence).toBe(fence + 1);
        await other.close();
      } finally {
        await takeDown(paths, request.env, process.stderr);
      }
    }));

  it('that is asked to end with a command in hand ends at once; the command goes on and runs once', () =>
    withRig(
      {
        script: {
          replies: [
            {
              calls: [
                {
                  name: 'shell',
                  arguments: {
                    command: 'echo x >>ran; until [ -e go ]; do sleep 0.02; done; echo y >>ran',
                  },
                },
              ],
            },
            { text: 'done' },
          ],
        },
      },
      async (rig) => {
        const paths = homePaths(rig.home);
        const prompt = rig.prompt('wait for it');
        const ran = join(rig.project, 'ran');
        await eventually('the command', () => existsSync(ran));
        const before = rig.runtime().daemon!;
        const askedMs = performance.now();
        process.kill(before.pid, 'SIGTERM');
        await eventually('its end', () => !isAlive(before));
        expect(performance.now() - askedMs).toBeLessThan(5000);
        await eventually('how it ended', () => lastExitOf(paths) === 'code 0');
        writeFileSync(join(rig.project, 'go'), '');
        const end = await prompt.end;
        expect([end.code, readFileSync(ran, 'utf8')]).toEqual([0, 'x\ny\n']);
        expect(end.lines.filter(({ type }) => type === 'result')).toHaveLength(1);
      },
    ));

  it.each([
    ['a token', [], /runtime\.json holds no token; run loomkin up/],
    [
      'a port',
      ['--temporal', '127.0.0.1:1'],
      /needs --port NUMBER; it is started by the supervisor/,
    ],
  ])('that nobody gave %s says so and writes nothing', (_what, words, said) =>
    withInstallation(async (i) => {
      mkdirSync(i.home);
      if (words.length > 0) writeFileSync(i.paths.runtime, '{"token":"t","supervisor":{"pid":1}}');
      const end = await runToEnd(process.execPath, [programFile('daemon'), ...words], {
        env: i.env,
      });
      expect([end.code, end.stderr]).toEqual([1, expect.stringMatching(said)]);
      expect(existsSync(i.paths.database)).toBe(false);
    }),
  );
});
