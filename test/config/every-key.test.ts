/**
 * Promises that hold for every key of the config, read off the table of keys itself, and the order of
 * the layers for every set of layers that speak.
 */
import { loadSettings, type SettingsFlags } from '../../config/load.js';
import { KEY_RULES, type KeyRule } from '../../config/schema.js';
import { failure, withPlace } from './place.js';

const RULES = KEY_RULES.map((rule): [string, KeyRule] => [rule.path.join('.'), rule]);
const ADDRESS = 'base_url = "http://h/v1"';

/** The table that a rule's key stands in, with what else that table needs; "" at the top. */
const headOf = ({ path }: KeyRule): string => {
  if (path.length === 1) return '';
  if (path[0] !== 'providers') return `[${path[0]!}]\n`;
  const head = path[2] === 'base_url' ? '[providers.lab]\n' : `[providers.lab]\n${ADDRESS}\n`;
  if (path[2] !== 'models') return head;
  const prices = ['input_usd = 1', 'output_usd = 1'].filter(
    (line) => !line.startsWith(path.at(-1)!),
  );
  return `${head}[providers.lab.models."org/m"]\n${path.at(-1)!.endsWith('_usd') ? `${prices.join('\n')}\n` : ''}`;
};
/** The name that is written, where a rule takes any. */
const nameOf = ({ path }: KeyRule): string =>
  path.at(-1) === '*' ? 'headers.X-Any' : path.at(-1)!;

describe('the example of a key', () => {
  test.each(RULES)('%s is accepted as it is shown', (_path, rule) =>
    withPlace(async ({ user, request }) => {
      user(headOf(rule) + rule.example);
      const { notices } = await loadSettings(request());
      expect(notices).toEqual([]);
    }),
  );
});

describe('a value of the wrong kind', () => {
  const WRONG: readonly (readonly [string, unknown])[] = [
    ['true', true],
    ['""', ''],
    ['-1', -1],
    ['0', 0],
    ['0.5', 0.5],
    ['1e300', 1e300],
    ['inf', Infinity],
    ['nan', NaN],
    ['[]', []],
    ['["a b"]', ['a b']],
    ['[[1]]', [[1]]],
    ['"\\u0000"', '\u0000'],
    ['"two\\nlines"', 'two\nlines'],
    ['"sk-live-0123456789abcdef"', 'sk-live-0123456789abcdef'],
    ['2026-01-01T00:00:00Z', new Date(0)],
  ];
  test.each(RULES)('of %s is refused with line, kind and example, whatever it is', (_path, rule) =>
    withPlace(async ({ user, request }) => {
      const refused = WRONG.filter(([, value]) => !rule.accepts(value));
      expect(refused.length).toBeGreaterThan(5);
      for (const [written] of refused) {
        const text = `# mine\r\n\r\n${headOf(rule)}${nameOf(rule)} = ${written}\n`;
        user(text);
        const { message, cure, kind } = await failure(loadSettings(request()));
        const line = text.split('\n').length - 1;
        expect(message).toContain(`must be ${rule.expected}`);
        expect(message).toMatch(new RegExp(`config\\.toml:${line}\\)$`));
        expect([cure, kind]).toEqual([`Example: ${rule.example}`, 'config']);
        if (rule.isSecret) expect(message).not.toContain('sk-live');
      }
    }),
  );

  test('is written out where it is no secret, and cut where it is long', () =>
    withPlace(async ({ user, request }) => {
      user(`model = "${'x'.repeat(500)}"`);
      const { message } = await failure(loadSettings(request()));
      expect(message).toContain('not "xxx');
      expect(message.length).toBeLessThan(200);
    }));
});

describe('a mistyped key', () => {
  const named = RULES.filter(([path]) => !path.endsWith('*'));
  test.each(named)('near %s is answered with the right one', (_path, rule) =>
    withPlace(async ({ user, request }) => {
      const name = nameOf(rule);
      user(`${headOf(rule)}${name.replace('_', '-')}x = 1`);
      const { message, cure } = await failure(loadSettings(request()));
      expect(message).toContain('unknown key');
      expect(cure).toBe(`Did you mean "${name}"?`);
    }),
  );
});

describe('a repository', () => {
  const forbidden = RULES.filter(([, rule]) => rule.userOnly);
  test.each(forbidden)('can not set %s: it is named and left out', (_path, rule) =>
    withPlace(async ({ stranger, request }) => {
      const { settings: before } = await loadSettings(request());
      stranger(`max_turns = 3\n${headOf(rule)}${rule.example}`);
      const { settings, notices } = await loadSettings(request());
      expect(settings).toEqual({ ...before, maxTurns: 3 });
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain(`"${rule.path[0]!}" in the project's config is ignored`);
    }),
  );

  test('can not take the address or the key of a provider that the user has', () =>
    withPlace(async ({ user, stranger, request }) => {
      user('[providers.lab]\nbase_url = "https://lab/v1"\nkey_env = "LAB_KEY"');
      stranger(
        'model = "lab/x"\n[providers.lab]\nbase_url = "http://evil/v1"\n[providers.openai]\nkey_env = "AWS_SECRET"',
      );
      const { settings, notices } = await loadSettings(request());
      expect(settings.model).toBe('lab/x');
      expect(settings.providers['lab']).toMatchObject({
        baseUrl: 'https://lab/v1',
        keyEnv: 'LAB_KEY',
      });
      expect(settings.providers['openai']?.keyEnv).toBe('OPENAI_API_KEY');
      expect(notices).toHaveLength(1);
    }));

  test.each(['bypass', 'bypassPermissions'])(
    'can not have %s, beside the user’s own mode',
    (mode) =>
      withPlace(async ({ user, stranger, request }) => {
        stranger(`permission_mode = "${mode}"`);
        expect((await loadSettings(request())).settings.permissionMode).toBe('default');
        user('permission_mode = "default"');
        expect((await loadSettings(request())).settings.permissionMode).toBe('default');
      }),
  );
});

describe('of the layers that speak the last one counts', () => {
  const LAYERS = ['user', 'project', 'variable', 'flag'] as const;
  const sets = Array.from({ length: 16 }, (_, n) => LAYERS.filter((_layer, bit) => n & (1 << bit)));
  const noFlags: SettingsFlags = { model: null, permissionMode: null, maxTurns: null };

  test.each(sets.map((set): [string, readonly string[]] => [set.join(' + ') || 'none', set]))(
    'for %s',
    (_name, set) =>
      withPlace(async ({ home, user, stranger, request }) => {
        const has = (layer: string): boolean => set.includes(layer);
        if (has('user')) user('model = "a/user"\nmax_turns = 1\n[limits]\nmodel_attempts = 11');
        if (has('project'))
          stranger('model = "a/project"\nmax_turns = 2\nlimits.model_attempts = 12');
        const env = {
          HOME: home,
          OPENAI_API_KEY: 'sk-test',
          ...(has('variable') && { LOOMKIN_MODEL: 'a/variable' }),
        };
        const flags = has('flag') ? { ...noFlags, model: 'a/flag', maxTurns: 4 } : noFlags;
        const { settings } = await loadSettings(request({ env, flags }));
        const last = set.at(-1);
        expect(settings.model).toBe(last ? `a/${last}` : 'openai/gpt-5.1');
        const files = has('project') ? 2 : has('user') ? 1 : 0;
        expect(settings.maxTurns).toBe(has('flag') ? 4 : files);
        expect(settings.limits.modelAttempts).toBe(files === 0 ? 10 : 10 + files);
      }),
  );

  test.each(['', ' ', '\t\n'])('a variable of %j is as good as unset', (empty) =>
    withPlace(async ({ home, user, request }) => {
      user('model = "a/user"');
      const env = {
        HOME: home,
        LOOMKIN_MODEL: empty,
        OPENAI_BASE_URL: empty,
        OPENAI_API_KEY: empty,
      };
      const { settings } = await loadSettings(request({ env }));
      expect(settings.model).toBe('a/user');
      expect(settings.providers['openai']?.baseUrl).toBe('https://api.openai.com/v1');
    }),
  );

  test('a flag of 0 turns is a word, not silence', () =>
    withPlace(async ({ user, request }) => {
      user('max_turns = 9');
      const flags = { ...noFlags, maxTurns: 0 };
      expect((await loadSettings(request({ flags }))).settings.maxTurns).toBe(0);
    }));
});
