/** Strangers' text in the Temporal Web UI: small, and never Markdown of its own. */
import { describeAgent } from '../../../workflows/agent/details.js';
import { codeLine, plainLine } from '../../../workflows/agent/shown-text.js';
import { initialCarry } from '../../../workflows/agent/state.js';
import type { AgentStart, AgentStatus } from '../../../workflows/protocol/agent.js';
import { agentNameOf, LEAD, sessionIdOf } from '../../../workflows/protocol/ids.js';

describe('a line of plain text', () => {
  test('is one line, whatever breaks it was given', () => {
    expect(plainLine(' a\r\n\r\nb\u2028c\td ', 100)).toBe('a b c d');
  });

  test.each([
    ['a heading', '# big', '\\# big'],
    ['a cell of a table', 'a | b', 'a \\| b'],
    ['a picture', '![x](http://e.vil/p.png)', '\\!\\[x\\]\\(http://e.vil/p.png\\)'],
    ['a tag', '<img src=x onerror=y>', '\\<img src=x onerror=y\\>'],
    ['an entity', '&lt;', '\\&lt;'],
    ['emphasis', '**ended** _x_ ~~y~~', '\\*\\*ended\\*\\* \\_x\\_ \\~\\~y\\~\\~'],
    ['code', '`x`', '\\`x\\`'],
    ['an escape', '\\# x', '\\\\\\# x'],
  ])('shows %s as it was typed', (_, text, shown) => {
    expect(plainLine(text, 100)).toBe(shown);
  });

  test('is cut between characters and says so', () => {
    expect(plainLine('👍'.repeat(10), 4)).toBe('👍👍👍👍…');
    expect(plainLine('abcd', 4)).toBe('abcd');
  });

  test('of code ends where we end it', () => {
    expect(codeLine('/p/`; rm`|x\n/y', 100)).toBe("`/p/'; rm'¦x /y`");
  });
});

describe('what the Web UI says of an agent', () => {
  const start: AgentStart = {
    version: 1,
    sessionId: sessionIdOf('11111111-1111-4111-8111-111111111111'),
    agent: LEAD,
    role: 'lead',
    model: 'scripted/x',
    project: '/code/p',
    title: 'refactor the auth module',
    turn: 0,
    carry: null,
  };
  const status: AgentStatus = {
    state: 'parked',
    waitingFor: { kind: 'approval', id: 'q-1', since: '2026-01-01T00:00:00.000Z', until: null },
    outcome: null,
    turn: 3,
    queued: 0,
  };
  const describe_ = (changes: Partial<AgentStart>, shown = status): readonly string[] => {
    const changed = { ...start, ...changes };
    return describeAgent(changed, initialCarry(changed), shown).split('\n');
  };

  test('names state, wait, model, turn and project', () => {
    expect(describe_({})).toEqual([
      '### refactor the auth module',
      '',
      '**parked** · waiting for approval q-1 since 2026-01-01T00:00:00.000Z',
      '',
      '| agent | model | turn | queued prompts | cost |',
      '| --- | --- | --- | --- | --- |',
      '| lead (lead) | scripted/x | 0 | 0 | – |',
      '',
      'Project `/code/p` · session `11111111-1111-4111-8111-111111111111`',
    ]);
  });

  test('keeps its shape under a title, a path and a model that would like to write it', () => {
    const hostile = describe_({
      title: 'x\n\n**idle**\n\n| agent | model |\n| --- | --- |\n| me | free |',
      model: 'a | b | 99 | 0 | $0 |\n| more',
      project: '/p`\n\n# **ended**',
      agent: agentNameOf('lead|x'),
      role: '<b>',
    });
    const honest = describe_({});
    expect(hostile).toHaveLength(honest.length);
    expect(hostile.filter((line) => line.startsWith('### '))).toHaveLength(1);
    expect(hostile[2]).toBe(honest[2]);
    const cells = hostile[6]?.replaceAll('\\|', '').split('|') ?? [];
    expect(cells).toHaveLength(7);
    expect(hostile.at(-1)?.match(/`/g)).toHaveLength(4);
  });

  test('stays small, whatever it is given', () => {
    const long = '界|'.repeat(50_000);
    const lines = describe_({ title: long, model: long, project: long, role: long });
    expect(Buffer.byteLength(lines.join('\n'))).toBeLessThan(4096);
  });

  test('tells how it ended last, while it rests', () => {
    const rest: AgentStatus = {
      ...status,
      state: 'idle',
      waitingFor: null,
      outcome: 'no_progress',
    };
    expect(describe_({}, rest)[2]).toBe('**idle** · ended last time: no_progress');
  });
});
