/** Prompts through the gateway: what is durable when it is answered, and what a repetition does. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { AcceptedBody } from '../../client/http/wire.js';
import { result } from '../support/session-events.js';
import { KEY, notice } from './front.js';
import { readPrompt, refusal, secretsOf, useTemporal } from './gateway-rig.js';

const { temporal, handleOf, historyOf, withGateway } = useTemporal();

describe('a start', () => {
  test('is in store, secrets and engine when it is answered, and says what it runs with', () =>
    withGateway(async (front) => {
      const body = front.start({ text: '\n  Fix "it"  \nplease', max_turns: 3, interactive: true });
      const answer = await front.gateway.startSession(body);
      expect(answer).toEqual<AcceptedBody>({
        session_id: body.session_id,
        message_id: body.message_id,
        from: 0,
        model: 'openai/test',
        project: front.project,
        permission_mode: 'default',
        tools: ['read', 'write'],
        api_key_source: 'OPENAI_API_KEY',
        notices: [`${front.project} is not a git repository: nothing can be compared or committed`],
      });
      const { start, signals } = await historyOf(body.session_id);
      expect(start).toEqual({
        version: 1,
        sessionId: body.session_id,
        agent: 'lead',
        role: 'lead',
        model: 'openai/test',
        project: front.project,
        title: 'Fix "it"',
        turn: 0,
        carry: null,
      });
      expect(signals).toEqual([
        {
          name: 'deliverMessage',
          value: {
            messageId: body.message_id,
            settings: { permissionMode: 'default', onAsk: 'park', maxTurns: 3, model: null },
          },
        },
      ]);
      const [message] = await front.store.call('getMessages', { ids: [body.message_id] });
      expect(message).toMatchObject({ sessionId: body.session_id, agent: 'lead', text: body.text });
      const seen = await handleOf(body.session_id).describe();
      expect(seen.memo).toEqual({ title: 'Fix "it"' });
      expect(await seen.staticSummary()).toBe('Fix "it"');
      expect(
        Object.fromEntries(
          seen.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
        ),
      ).toMatchObject({
        SessionId: body.session_id,
        AgentRole: 'lead',
        AgentState: 'thinking',
        Project: 'project',
        Model: 'openai/test',
      });
    }));

  test('leaves its keys in one file of its owner, and nowhere else', () =>
    withGateway(async (front) => {
      writeFileSync(
        join(front.folder, 'own.toml'),
        '[providers.lab]\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "LAB"\nheaders = { "X-Key" = "header-secret-77" }',
      );
      const body = front.start({
        config_file: join(front.folder, 'own.toml'),
        env: { ...front.start().env, LAB: 'lab-secret-99', NPM_TOKEN: 'npm-secret-11' },
      });
      await front.gateway.startSession(body);
      await front.store.call('lastOffset', { sessionId: body.session_id });
      const files = [front.folder, temporal().folder]
        .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile() && entry.name !== 'own.toml')
        .map((entry) => join(entry.parentPath, entry.name));
      const { text } = await historyOf(body.session_id);
      // The looking itself works: what may be there is found.
      const engine = files.filter((file) => file.startsWith(temporal().folder));
      expect(engine.some((file) => readFileSync(file).includes(body.message_id))).toBe(true);
      expect(text).toContain(body.message_id);
      for (const secret of [KEY, 'lab-secret-99', 'header-secret-77']) {
        expect(text).not.toContain(secret);
        const holders = files.filter((file) => readFileSync(file).includes(secret));
        expect(holders).toEqual([join(front.secrets, `${body.session_id}.json`)]);
      }
      expect(files.filter((file) => readFileSync(file).includes('npm-secret-11'))).toEqual([]);
      expect(statSync(join(front.secrets, `${body.session_id}.json`)).mode & 0o777).toBe(0o600);
      expect(secretsOf(front, body.session_id)).toMatchObject({
        umask: 0o022,
        toolEnv: { PATH: '/usr/bin' },
        providers: { openai: { key: KEY }, lab: { key: 'lab-secret-99' } },
      });
    }));

  test('with a title as wide as can be is taken by the engine', () =>
    withGateway(async (front) => {
      for (const text of ['🧵'.repeat(500), '"\\'.repeat(300), 'ä'.repeat(300)])
        await front.gateway.startSession(front.start({ text }));
    }));

  test('with a model and a project of names as long as can be is taken by the engine', () =>
    withGateway(async (front) => {
      const project = join(front.project, 'ü'.repeat(120));
      mkdirSync(project);
      for (const name of ['x'.repeat(181), '模'.repeat(181)]) {
        const body = front.start({ model: `openai/${name}`, project });
        expect(await front.gateway.startSession(body)).toMatchObject({ model: body.model });
        const longer = { ...front.start(), model: `${body.model}x` };
        expect(await refusal(front.gateway.startSession(longer))).toMatchObject({
          kind: 'unknown_model',
        });
        const { env: _env, ...bare } = longer;
        const later = front.gateway.sendMessage(body.session_id, bare);
        expect(await refusal(later)).toMatchObject({ kind: 'unknown_model' });
      }
    }));

  test('that comes twice, also at the same moment, is one prompt with one answer', () =>
    withGateway(async (front) => {
      const body = front.start();
      const answers = await Promise.all([1, 2, 3, 4].map(() => front.gateway.startSession(body)));
      answers.push(await front.gateway.startSession(body));
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect((await historyOf(body.session_id)).signals).toHaveLength(1);
      expect(await front.store.call('listSessions', { since: null })).toHaveLength(1);
    }));

  test('two of one session at the same moment with different prompts are one session with both', () =>
    withGateway(async (front) => {
      const [one, two] = [front.start(), front.start({ text: 'and that' })];
      const both = [one, { ...two, session_id: one.session_id }];
      await Promise.all(both.map((body) => front.gateway.startSession(body)));
      const { signals } = await historyOf(one.session_id);
      expect(signals.map(({ value }) => value['messageId'])).toEqual([
        one.message_id,
        two.message_id,
      ]);
      expect(readdirSync(front.secrets)).toEqual([`${one.session_id}.json`]);
    }));

  test('a hundred at once all begin', () =>
    withGateway(async (front) => {
      const bodies = Array.from({ length: 100 }, () => front.start());
      const answers = await Promise.all(bodies.map((body) => front.gateway.startSession(body)));
      expect(answers.map((answer) => answer.session_id)).toEqual(
        bodies.map((body) => body.session_id),
      );
      expect(readdirSync(front.secrets)).toHaveLength(100);
    }));
});

describe('a prompt that is sent again', () => {
  test('after a restart is told again while nobody has read it, with the same id', () =>
    withGateway(async (front) => {
      const body = front.start();
      const answer = await front.gateway.startSession(body);
      expect(await front.nextGateway().startSession(body)).toEqual(answer);
      const { signals } = await historyOf(body.session_id);
      expect(signals.map(({ value }) => value['messageId'])).toEqual([
        body.message_id,
        body.message_id,
      ]);
    }));

  test('after a restart is not told again once it was read, also when its agent has ended', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      await readPrompt(front, body.session_id, body.message_id, 1);
      await handleOf(body.session_id).terminate();
      const again = await front.nextGateway().startSession(body);
      expect(again).toMatchObject({ from: 0, message_id: body.message_id });
      expect((await handleOf(body.session_id).describe()).status.name).toBe('TERMINATED');

      const second = { message_id: randomUUID(), text: 'more', env: body.env };
      const answer = await front.gateway.sendMessage(body.session_id, second);
      expect(answer.from).toBeGreaterThan(0);
      await readPrompt(front, body.session_id, second.message_id, 2);
      await handleOf(body.session_id).terminate();
      const next = front.nextGateway();
      expect((await next.sendMessage(body.session_id, second)).from).toBe(answer.from);
      expect((await handleOf(body.session_id).describe()).status.name).toBe('TERMINATED');
      const row = await next.findSession(body.session_id);
      expect(await next.newestPrompt(row)).toMatchObject({
        message_id: second.message_id,
        from: answer.from,
      });
    }));

  test('with another text or project is refused, and changes nothing', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      for (const gateway of [front.gateway, front.nextGateway()]) {
        const other = await refusal(gateway.startSession({ ...body, text: 'something else' }));
        expect(other).toMatchObject({ kind: 'message_conflict', status: 409, exitCode: 2 });
      }
      const elsewhere = await refusal(
        front.gateway.startSession({ ...body, project: front.folder }),
      );
      expect(elsewhere).toMatchObject({ kind: 'session_conflict', status: 409, exitCode: 2 });
      expect((await historyOf(body.session_id)).signals).toHaveLength(1);
    }));
});

describe('a prompt for a session that is there', () => {
  test('goes to its agent; one that has ended begins anew behind its last turn', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const send = (text: string) =>
        front.gateway.sendMessage(body.session_id.slice(0, 8), { message_id: randomUUID(), text });
      await send('two');
      expect((await historyOf(body.session_id)).signals).toHaveLength(2);
      await readPrompt(front, body.session_id, body.message_id, 7);
      await handleOf(body.session_id).terminate();
      const answer = await send('three');
      const { start, signals } = await historyOf(body.session_id);
      expect(start).toMatchObject({ turn: 7, title: 'do it', model: 'openai/test' });
      expect(signals.map(({ value }) => value['messageId'])).toEqual([answer.message_id]);
    }));

  test('is not told again that there is no repository, nor is who only looks', () =>
    withGateway(async (front) => {
      const body = front.start();
      expect((await front.gateway.startSession(body)).notices).toHaveLength(1);
      const row = await front.gateway.findSession(body.session_id);
      const later = { message_id: randomUUID(), text: 'more', env: body.env };
      expect(await front.gateway.newestPrompt(row)).toMatchObject({ notices: [] });
      expect((await front.gateway.sendMessage(body.session_id, later)).notices).toEqual([]);
      expect(await front.nextGateway().newestPrompt(row)).toBeNull();
    }));

  test('and is not read yet is seen from the prompt in hand on, else from its own beginning', () =>
    withGateway(async (front) => {
      const body = front.start();
      const { from: first } = await front.gateway.startSession(body);
      await readPrompt(front, body.session_id, body.message_id, 1);
      await notice(front, body.session_id, 'at work');
      const later = { message_id: randomUUID(), text: 'more', env: body.env };
      const { from: second } = await front.gateway.sendMessage(body.session_id, later);
      expect(second).toBeGreaterThan(first);
      const row = await front.gateway.findSession(body.session_id);
      const seenFrom = async () => (await front.gateway.newestPrompt(row))?.from;
      expect(await seenFrom()).toBe(first);
      await front.store.call('appendEvent', {
        sessionId: body.session_id,
        key: 'the first result',
        at: new Date().toISOString(),
        event: result(body.message_id),
      });
      expect(await seenFrom()).toBe(second);
      await readPrompt(front, body.session_id, later.message_id, 2);
      expect(await seenFrom()).toBe(second);
    }));

  test('brings new keys, keeps those it does not bring, and may change the model', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const send = (more: object) =>
        front.gateway.sendMessage(body.session_id, {
          message_id: randomUUID(),
          text: 'x',
          ...more,
        });
      const HOME = join(front.folder, 'user');
      await send({ env: { HOME, PATH: '/new' }, umask: 0o077 });
      expect(secretsOf(front, body.session_id)).toMatchObject({
        umask: 0o077,
        toolEnv: { PATH: '/new' },
        providers: { openai: { key: KEY } },
      });
      await send({ env: { HOME, OPENAI_API_KEY: 'sk-new' }, model: 'openai/better' });
      expect(secretsOf(front, body.session_id).providers['openai']?.key).toBe('sk-new');
      const before = readFileSync(join(front.secrets, `${body.session_id}.json`), 'utf8');
      expect(await send({ permission_mode: 'bypass' })).toMatchObject({
        model: 'openai/better',
        permission_mode: 'bypass',
        api_key_source: 'OPENAI_API_KEY',
      });
      expect(readFileSync(join(front.secrets, `${body.session_id}.json`), 'utf8')).toBe(before);
      const { signals } = await historyOf(body.session_id);
      const models = signals.map(({ value }) => (value['settings'] as { model: unknown }).model);
      expect(models).toEqual([null, null, 'openai/better', null]);
    }));

  test('without keys of its own, in a shell without keys, is refused with the way out', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      rmSync(join(front.secrets, `${body.session_id}.json`));
      const lost = await refusal(
        front.gateway.sendMessage(body.session_id, { message_id: 'm2', text: 'x' }),
      );
      expect(lost).toMatchObject({ kind: 'session_damaged', exitCode: 2 });
      rmSync(front.project, { recursive: true });
      const gone = await refusal(
        front.gateway.sendMessage(body.session_id, { message_id: 'm2', text: 'x' }),
      );
      expect(gone).toMatchObject({ kind: 'project', exitCode: 2 });
    }));
});
