/**
 * Every flag in every place: missing, repeated, glued, behind `--`, with values nobody thought of.
 *
 * What is refused with which words stands in `usage.test.ts`; here is that nothing means anything else
 * than it says, whatever the order.
 */
import { COMMANDS, parseArguments } from '../../../client/cli/arguments.js';
import type { Invocation, PromptArguments } from '../../../client/cli/arguments.js';

const NOTHING: PromptArguments = {
  prompt: null,
  print: false,
  format: 'text',
  project: null,
  model: null,
  permissionMode: null,
  maxTurns: null,
  config: null,
  session: { kind: 'new' },
};

const parsed = (...words: readonly string[]): PromptArguments => {
  const invocation: Invocation = parseArguments(words);
  if (invocation.kind !== 'prompt') throw new Error(`it is ${invocation.kind}`);
  return invocation.options;
};

const refused = (...words: readonly string[]): string => {
  try {
    return `accepted: ${JSON.stringify(parseArguments(words))}`;
  } catch (error) {
    const { kind, message, exitCode } = error as Record<string, unknown>;
    expect({ kind, exitCode }).toEqual({ kind: 'usage', exitCode: 2 });
    return String(message);
  }
};

/** All orders of some words that belong together. */
const orders = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  items.length <= 1
    ? [items]
    : items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));

/** Flags with a value, each with its short name, a value and what it sets. */
const VALUED: readonly (readonly [string, string | null, string, Partial<PromptArguments>])[] = [
  ['--project', null, '/a b/ü', { project: '/a b/ü' }],
  ['--output-format', null, 'stream-json', { format: 'stream-json', print: true }],
  ['--model', '-m', 'openai/org/x:1@y', { model: 'openai/org/x:1@y' }],
  ['--permission-mode', null, 'bypassPermissions', { permissionMode: 'bypass' }],
  ['--max-turns', null, '12', { maxTurns: 12 }],
  ['--config', null, './my config.toml', { config: './my config.toml' }],
  ['--resume', '-r', 'AbCd-1', { session: { kind: 'named', prefix: 'abcd-1' } }],
];

describe('a flag with a value', () => {
  test.each(VALUED)(
    '%s means the same glued, apart and short, on both sides',
    (long, short, value, set) => {
      const forms = [[long, value], [`${long}=${value}`]];
      if (short !== null) forms.push([short, value], [`${short}${value}`]);
      for (const words of forms) {
        const meant = { ...NOTHING, prompt: 'go on', ...set };
        expect(parsed(...words, 'go on')).toEqual(meant);
        expect(parsed('go on', ...words)).toEqual(meant);
        expect(parsed(...words, '--', 'go on')).toEqual(meant);
      }
    },
  );

  test.each(VALUED)(
    '%s without one, with an empty one or before a flag is refused',
    (long, short) => {
      const says = `${long} needs a value`;
      for (const name of short === null ? [long] : [long, short])
        for (const rest of [[], [''], [' \t'], ['-p'], ['--print'], ['--model=a/b'], ['--']])
          expect(refused('go on', name, ...rest)).toBe(says);
      expect(refused('go on', `${long}=`)).toBe(says);
      expect(refused('go on', `${long}= `)).toBe(says);
    },
  );

  test.each(VALUED)('%s said twice means the last', (long, _short, value, set) => {
    const other: Record<string, string> = {
      '--output-format': 'json',
      '--permission-mode': 'default',
      '--resume': 'ffff',
      '--max-turns': '3',
    };
    const words = [`${long}=${other[long] ?? 'other/x'}`, long, value];
    expect(parsed('go on', ...words)).toEqual({ ...NOTHING, prompt: 'go on', ...set });
  });

  test('may hold what looks like a flag when it is glued', () => {
    expect(parsed('go on', '--project=-p', '--config=--model')).toMatchObject({
      project: '-p',
      config: '--model',
      print: false,
      model: null,
    });
  });
});

describe('all flags at once', () => {
  test('mean the same in every order', () => {
    const groups = [['-p'], ['-m', 'a/b'], ['--max-turns=5'], ['-r', 'abcd'], ['fix the\ntests']];
    const meant = {
      ...NOTHING,
      prompt: 'fix the\ntests',
      print: true,
      model: 'a/b',
      maxTurns: 5,
      session: { kind: 'named', prefix: 'abcd' },
    };
    const all = orders(groups);
    expect(all).toHaveLength(120);
    for (const order of all) expect(parsed(...order.flat())).toEqual(meant);
  });

  test('may be glued to one dash as far as they are letters', () => {
    expect(parsed('-pc', 'go on')).toMatchObject({ print: true, session: { kind: 'newest' } });
    expect(parsed('-cp', 'go on')).toMatchObject({ print: true, session: { kind: 'newest' } });
    expect(parsed('-pma/b', 'go on')).toMatchObject({ print: true, model: 'a/b' });
    expect(refused('-px', 'go on')).toBe('unknown flag -x');
    expect(refused('-pm')).toBe('--model needs a value');
  });

  test('a switch said twice is said once; with a value it is refused', () => {
    expect(parsed('-p', '--print', '-p', 'go on')).toEqual(parsed('-p', 'go on'));
    for (const name of ['--print', '--continue', '--help', '--version'])
      for (const value of ['', 'true', 'false', '0'])
        expect(refused('go on', `${name}=${value}`)).toBe(`${name} takes no value`);
  });

  test.each([
    '--no-print',
    '--no-continue',
    '--PRINT',
    '--Model',
    '-P',
    '-M',
    '-1',
    '--print-',
    '--_',
  ])('%s is not one of them', (flag) => {
    expect(refused(flag, 'go on')).toMatch(/^unknown flag -/);
  });

  test.each([
    ['--output-format=json', ['json']],
    ['--output-format=stream-json', ['stream-json']],
    ['--output-format=text', ['text']],
  ] as const)('%s %j: another format than text prints', (flag, [format]) => {
    expect(parsed(flag, 'go on')).toMatchObject({ format, print: format !== 'text' });
  });
});

describe('a number of turns', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['007', 7],
    ['1000000', 1_000_000],
  ])('%s is %i', (word, turns) => {
    expect(parsed('--max-turns', word, 'go on').maxTurns).toBe(turns);
  });

  test.each([
    '1000001',
    '999999999',
    '9'.repeat(400),
    '1e3',
    '0x10',
    '1_000',
    '+1',
    '1 ',
    '٣',
    '１',
    'NaN',
    '∞',
  ])('is not %s', (word) => {
    expect(refused('--max-turns', word, 'go on')).toBe(
      `--max-turns ${word} is not a number of turns`,
    );
  });
});

describe('the prompt', () => {
  test.each([
    '修复测试',
    'fix: ünïcödé 🧵',
    'Fix',
    'fix it',
    '/help',
    '@file',
    '!ls',
    'a\nb',
    ' leading',
    '-',
    '',
    '   ',
    '=',
    '\u202eabc',
    'x '.repeat(50_000),
  ])('%j is taken as it is', (text) => {
    expect(parsed(text)).toEqual({ ...NOTHING, prompt: text });
  });

  test.each(['-', '--', '-p', '--version', '--json', '-c', '--unknown', 'status', 'up', 'hello'])(
    'behind -- is %j, whatever that means elsewhere',
    (text) => {
      expect(parsed('--', text)).toEqual({ ...NOTHING, prompt: text });
      expect(parsed('-p', '--', text)).toEqual({ ...NOTHING, prompt: text, print: true });
      expect(parsed('-c', '--', text)).toMatchObject({ prompt: text, session: { kind: 'newest' } });
    },
  );

  test('behind -- is one, too', () => {
    expect(refused('--', 'one', 'two')).toBe('unexpected "two" after the prompt');
    expect(refused('one thing', '--', 'two')).toBe('unexpected "two" after the prompt');
    expect(parsed('-p', '--')).toEqual({ ...NOTHING, print: true });
  });

  test.each(COMMANDS)('is not %s alone, but with -p, -c or -r', (name) => {
    expect(parseArguments([name])).toMatchObject({ kind: 'command', command: name });
    expect(parsed('-p', name).prompt).toBe(name);
    expect(parsed(name, '-p').prompt).toBe(name);
    expect(parsed('-c', name).prompt).toBe(name);
    expect(parsed('-r', 'abcd', name).prompt).toBe(name);
    expect(parsed('--output-format', 'json', '-p', name).prompt).toBe(name);
  });

  test('of one bare word costs no money by mistake', () => {
    for (const word of ['stauts', 'version', 'resume', 'modls', 'a', 'x-1'])
      expect(refused(word)).toBe(`unknown command "${word}"`);
    expect(parsed('-m', 'a/b', 'hello').prompt).toBe('hello');
  });
});

describe('a command', () => {
  test.each(COMMANDS)('%s takes no flag of a prompt, in any place', (name) => {
    for (const [long, , value] of VALUED.filter(([flag]) => flag !== '--resume')) {
      expect(refused(name, long, value)).toBe(`${long} does not go with loomkin ${name}`);
      expect(refused(long, value, name)).toBe(`${long} does not go with loomkin ${name}`);
    }
    if (name !== 'models')
      expect(refused(name, '--', '--json')).toBe(`loomkin ${name} takes no "--json"`);
  });

  test('that takes words takes them as they are', () => {
    const words = (...rest: readonly string[]) => parseArguments(['models', ...rest]);
    const plain = { kind: 'command', command: 'models', flags: {} };
    expect(words()).toEqual({ ...plain, words: [] });
    expect(words('gpt', '5')).toEqual({ ...plain, words: ['gpt', '5'] });
    expect(words('gpt', '--json')).toEqual({ ...plain, flags: { json: true }, words: ['gpt'] });
    expect(words('--', '--json')).toEqual({ ...plain, words: ['--json'] });
  });

  test.each(COMMANDS)('%s asked for help gives it, whatever else is asked', (name) => {
    for (const words of orders([name, '--help', '--json', '--version']))
      expect(parseArguments(words)).toEqual({ kind: 'help', command: name });
  });

  test('is known by its whole name alone', () => {
    for (const word of ['UP', 'Status', 'statu', 'ps ', ' up'])
      expect(parseArgumentsKind(word)).not.toBe('command');
  });

  const parseArgumentsKind = (word: string): string => {
    try {
      return parseArguments([word]).kind;
    } catch {
      return 'refused';
    }
  };
});

describe('a session', () => {
  test.each(['abcd', 'ABCD', '1234-', '11111111-2222-4333-8444-555555555555'])(
    '%s may be one',
    (word) => {
      expect(parsed('-r', word).session).toEqual({ kind: 'named', prefix: word.toLowerCase() });
    },
  );

  test.each([
    'abc',
    'abcg',
    '%25%25',
    '../..',
    'abcd/..',
    'abcd?all=1',
    'a'.repeat(37),
    'аbсd',
    'abcd\n',
    '12 34',
  ])('%j is none', (word) => {
    expect(refused('-r', word, 'go on')).toBe(`"${word}" is not a session id`);
  });
});
