/**
 * The two other model APIs in the whole product: a session that works through them, cut in mid-stream by
 * the death of its daemon, does everything once and pays once for each stored answer.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { startAnthropicServer } from '../support/anthropic-server.js';
import { call, message, reasoning } from '../support/responses-events.js';
import { startResponsesServer } from '../support/responses-server.js';
import { withRig, type Rig } from '../support/rig.js';

interface ModelServer {
  readonly baseUrl: string;
  readonly records: readonly {
    readonly idempotencyKey: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly outcome: string | null;
  }[];
  requested(count: number): Promise<void>;
  close(): Promise<void>;
}

const READ = { path: 'count.txt' };
const EDIT = { path: 'count.txt', old_string: 'count: 0', new_string: 'count: 1' };
const COMMAND = { command: 'echo line >> log.txt' };

const anthropic = () =>
  startAnthropicServer({
    requireKey: { header: 'x-api-key', value: 'sk-model-0123456789' },
    replies: [
      { thinking: 'look first', text: 'looking', calls: [{ name: 'read', input: READ }] },
      {
        ...{ thinking: 'both at once', text: 'changing it now', chunkMs: 40 },
        calls: [
          { name: 'edit', input: EDIT },
          { name: 'shell', input: COMMAND },
        ],
      },
      { text: 'all done' },
    ],
  });

const called = (id: string, name: string, input: unknown) => call(id, name, JSON.stringify(input));

const responses = () =>
  startResponsesServer({
    requireKey: 'sk-model-0123456789',
    replies: [
      {
        output: [
          reasoning('rs_1', 'look first'),
          message('msg_1', 'looking'),
          called('fc_1', 'read', READ),
        ],
      },
      {
        chunkMs: 40,
        output: [
          reasoning('rs_2', 'both at once'),
          message('msg_2', 'changing it now'),
          called('fc_2', 'edit', EDIT),
          called('fc_3', 'shell', COMMAND),
        ],
      },
      { output: [message('msg_3', 'all done')] },
    ],
  });

const config = (api: string, baseUrl: string): string =>
  `[providers.lab]\napi = "${api}"\nbase_url = "${baseUrl}"\nkey_env = "LAB_KEY"\n` +
  '[providers.lab.models.one]\ninput_usd = 1\noutput_usd = 2\n';

const promptLab = (rig: Rig, api: string, server: ModelServer) => {
  rig.writeFile('../lab.toml', config(api, server.baseUrl));
  return rig.command(
    [
      ...['-p', '--output-format', 'stream-json', '--permission-mode', 'bypass'],
      ...['--config', join(rig.project, '..', 'lab.toml'), '--model', 'lab/one', 'count one up'],
    ],
    undefined,
    { LAB_KEY: 'sk-model-0123456789' },
  );
};

describe.each<[string, () => Promise<ModelServer>, RegExp]>([
  // Thoughts go back word for word, or the real API refuses the next request.
  ['anthropic', anthropic, /"signature":"[^"]+"/],
  ['responses', responses, /"encrypted_content":"[^"]+"/],
])('%s', (api, start, thought) => {
  test('works, and goes on by itself when its daemon dies while an answer streams', async () => {
    const server = await start();
    try {
      const files = { 'count.txt': 'count: 0\n' };
      await withRig({ files }, async (rig) => {
        const session = promptLab(rig, api, server);
        await server.requested(2);
        process.kill(rig.runtime().daemon?.pid as number, 'SIGKILL');
        const end = await session.end;
        expect(end).toMatchObject({ code: 0 });
        const results = end.lines.filter(({ type }) => type === 'result');
        expect(results).toMatchObject([{ result: 'all done', num_turns: 3, exit_code: 0 }]);
        expect(Number(results[0]?.['total_cost_usd'])).toBeGreaterThan(0);
        expect(readFileSync(join(rig.project, 'count.txt'), 'utf8')).toBe('count: 1\n');
        expect(readFileSync(join(rig.project, 'log.txt'), 'utf8')).toBe('line\n');
      });
      const answered = server.records.filter(({ outcome }) => outcome === 'answered');
      expect(answered).toHaveLength(3);
      expect(new Set(answered.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3);
      expect(answered.at(-1)?.body).toMatch(thought);
    } finally {
      await server.close();
    }
  });
});
