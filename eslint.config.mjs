/**
 * Lint rules, errors only: what the compiler does not catch and what our budgets forbid.
 *
 * The import law stands here too, so that an editor shows it at once; the house test has the last
 * word on it. What must stay true: a message says what to do instead.
 */
import tseslint from 'typescript-eslint';

const ban = (regex, message, options = {}) => ({ regex, message, ...options });

const restrictedImports = (files, patterns, more = {}) => ({
  files,
  ...more,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

const values = { allowTypeImports: true };
const NO_WORKERS = ban(
  '/workers/',
  'Nothing imports workers: take what you need as a parameter; workers/deps.ts passes it in.',
);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'examples/', '.tmp/'] },
  {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      'no-restricted-globals': [
        'error',
        { name: '__dirname', message: 'Use import.meta.url: our files are ES modules.' },
      ],
      'max-depth': ['error', 3],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 70],
      'max-params': ['error', 4],
      complexity: ['error', 12],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-control-regex': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-console': 'error',
    },
  },
  restrictedImports(
    ['workflows/**/*.ts'],
    [
      ban(
        '^node:',
        'Workflow code has no Node: do it in an activity (workflows/activity-proxies.ts).',
      ),
      ban(
        '^(?!\\.|@temporalio/(workflow|common)$)',
        'The bundle takes @temporalio/workflow and @temporalio/common only: parse and compute in an activity.',
      ),
      ban(
        '/(activities|client|config)/',
        'Workflows know activities as types only (`import type`), and client and config not at all.',
        values,
      ),
      NO_WORKERS,
    ],
  ),
  restrictedImports(
    ['activities/**/*.ts'],
    [
      ban(
        '^@temporalio/(worker|client|workflow)',
        'Activities know @temporalio/activity and @temporalio/common; the gateway talks to Temporal.',
        values,
      ),
      ban(
        '/workflows/(?!protocol/)',
        'Activities share workflows/protocol with workflows and nothing else: move the shape there.',
        values,
      ),
      ban('/client/', 'Activities never call clients: write an event to the store.'),
      NO_WORKERS,
    ],
  ),
  restrictedImports(
    ['config/**/*.ts'],
    [
      ban(
        '/(activities|client)/',
        'config/ only reads files and environment: its users import it, not the other way round.',
      ),
      NO_WORKERS,
    ],
  ),
  restrictedImports(
    ['client/**/*.ts'],
    [
      ban('^@temporalio/', 'Only client/gateway.ts talks to Temporal: ask it for a product verb.'),
      ban(
        '^(openai|better-sqlite3|kysely)',
        'A client is thin: models and databases are the daemon’s; ask it over HTTP.',
      ),
      ban(
        '/activities/(?!stores/)',
        'Clients never call tools or models: send a message, read the store.',
      ),
      ban(
        '/workflows/(?!protocol/)',
        'Clients take types of workflows only (`import type`); names on the wire are in workflows/protocol.',
        values,
      ),
      NO_WORKERS,
    ],
    { ignores: ['client/gateway.ts'] },
  ),
  {
    files: ['client/cli/**/*.ts', 'workers/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      'max-lines-per-function': 'off',
      'max-params': 'off',
      complexity: 'off',
      'no-control-regex': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-depth': ['error', 3],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 70],
      'max-params': ['error', 4],
      'no-unused-vars': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
);
