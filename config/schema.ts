/**
 * Every key a config file may hold: its shape in words, an example, and whose file may set it.
 *
 * One table, so that parsing, "did you mean" and messages can't disagree. What must stay true: a key
 * stands here only when setting it has an effect.
 */

export interface KeyRule {
  /** `*` stands for any name. */
  readonly path: readonly string[];
  /** Honoured in the user's own file or `--config` only: a repository is a stranger. */
  readonly userOnly: boolean;
  /** A person may have put a key or a password there: its value is never repeated. */
  readonly isSecret: boolean;
  readonly accepts: (value: unknown) => boolean;
  /** What is accepted, in words: "max_turns must be …". */
  readonly expected: string;
  readonly example: string;
}

type Check = Pick<KeyRule, 'accepts' | 'expected'>;

/** Where keys belong, or end up by mistake. */
const SECRET_NAMES = ['base_url', 'key_env', 'headers', 'env_pass'];

const SECONDS_MAX = 7 * 24 * 3600;
const BYTES_MAX = 1024 * 1024 * 1024;

const wholeNumber = (min: number, max: number): Check => ({
  accepts: (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  expected: `a whole number from ${min} to ${max}`,
});
const seconds: Check = {
  accepts: (value) => typeof value === 'number' && value > 0 && value <= SECONDS_MAX,
  expected: `a number of seconds above 0, at most ${SECONDS_MAX} (a week)`,
};
const price: Check = {
  accepts: (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
  expected: 'a price in USD per million tokens, 0 or more',
};
const matching = (pattern: RegExp, expected: string): Check => ({
  accepts: (value) => typeof value === 'string' && pattern.test(value),
  expected,
});
const oneOf = (...words: readonly string[]): Check => ({
  accepts: (value) => typeof value === 'string' && words.includes(value),
  expected: words.map((word) => `"${word}"`).join(' or '),
});

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** `provider/model`: the provider ends at the first slash, the model's own name may hold more. */
export const MODEL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]*\/[^\s/][^\s]{0,180}$/;

export const isHttpUrl = (value: unknown): boolean => {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const url = new URL(value);
  const isPlain = [url.search, url.hash, url.username, url.password].every((part) => part === '');
  return (url.protocol === 'http:' || url.protocol === 'https:') && isPlain;
};

const anyone = (path: string, check: Check, example: string): KeyRule => ({
  path: path.split('.'),
  userOnly: false,
  isSecret: path.split('.').some((part) => SECRET_NAMES.includes(part)),
  example,
  ...check,
});
const userOnly = (path: string, check: Check, example: string): KeyRule => ({
  ...anyone(path, check, example),
  userOnly: true,
});

const MODEL = 'providers.*.models.*';

export const KEY_RULES: readonly KeyRule[] = [
  anyone('model', matching(MODEL_PATTERN, '"provider/model"'), 'model = "openai/gpt-5.1"'),
  anyone(
    'permission_mode',
    oneOf('default', 'bypass', 'bypassPermissions'),
    'permission_mode = "default"',
  ),
  anyone('max_turns', wholeNumber(0, 1_000_000), 'max_turns = 50'),
  userOnly('providers.*.api', oneOf('chat', 'responses', 'anthropic'), 'api = "chat"'),
  userOnly(
    'providers.*.base_url',
    { accepts: isHttpUrl, expected: 'an http or https address without password or query' },
    'base_url = "https://llm.example.com/v1"',
  ),
  userOnly(
    'providers.*.key_env',
    matching(VARIABLE, 'the name of an environment variable'),
    'key_env = "EXAMPLE_API_KEY"',
  ),
  userOnly(
    'providers.*.headers.*',
    matching(/^[\t\x20-\x7e]*$/, 'a string of printable ASCII characters'),
    'headers = { "X-Team" = "compilers" }',
  ),
  userOnly(`${MODEL}.context_tokens`, wholeNumber(1, 1e9), 'context_tokens = 128000'),
  userOnly(`${MODEL}.output_tokens_max`, wholeNumber(1, 1e9), 'output_tokens_max = 16000'),
  userOnly(`${MODEL}.input_usd`, price, 'input_usd = 1.25'),
  userOnly(`${MODEL}.output_usd`, price, 'output_usd = 10.0'),
  userOnly(`${MODEL}.cache_read_usd`, price, 'cache_read_usd = 0.125'),
  userOnly(`${MODEL}.cache_write_usd`, price, 'cache_write_usd = 1.25'),
  anyone('limits.model_stall_s', seconds, 'model_stall_s = 120'),
  anyone('limits.model_attempts', wholeNumber(1, 1000), 'model_attempts = 10'),
  anyone('limits.shell_timeout_s', seconds, 'shell_timeout_s = 120'),
  anyone('limits.shell_concurrency', wholeNumber(1, 256), 'shell_concurrency = 4'),
  anyone('limits.tool_output_bytes', wholeNumber(256, BYTES_MAX), 'tool_output_bytes = 32768'),
  anyone('limits.file_bytes_max', wholeNumber(1, BYTES_MAX), 'file_bytes_max = 10485760'),
  anyone(
    'git.co_author',
    matching(/^$|^[^\r\n<>]+ <[^\s<>]+>$/, '"Name <address>", or "" for none'),
    'co_author = "Loomkin <noreply@loomkin.dev>"',
  ),
  userOnly(
    'shell.env_pass',
    {
      accepts: (value) =>
        Array.isArray(value) &&
        value.every((name) => typeof name === 'string' && VARIABLE.test(name)),
      expected: 'a list of names of environment variables',
    },
    'env_pass = ["NPM_TOKEN"]',
  ),
];

const fits = (rule: KeyRule, path: readonly string[]): boolean =>
  path.every((part, index) => rule.path[index] === '*' || rule.path[index] === part);

/** The rule of a value's path, or null. */
export const ruleOf = (path: readonly string[]): KeyRule | null =>
  KEY_RULES.find((rule) => rule.path.length === path.length && fits(rule, path)) ?? null;

/** True when values written under this name, in whatever table, may be shown. */
export const isShowable = (name: string): boolean =>
  KEY_RULES.some((rule) => rule.path.at(-1) === name && !rule.isSecret);

/** True when keys may stand below this path. */
export const isTablePath = (path: readonly string[]): boolean =>
  KEY_RULES.some((rule) => rule.path.length > path.length && fits(rule, path));

/** Names known directly below a table; empty where any name goes. */
export const namesBelow = (path: readonly string[]): readonly string[] => [
  ...new Set(
    KEY_RULES.filter((rule) => rule.path.length > path.length && fits(rule, path))
      .map((rule) => rule.path[path.length] ?? '')
      .filter((name) => name !== '*'),
  ),
];
