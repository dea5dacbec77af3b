import { exists, readText } from './sources.js';

const BUNDLE = 'dist/current/workflow-bundle.js';
const BYTES_MAX = 700 * 1024;

/** The map stands at the end, as one line of base64. */
const withoutMap = (code: string): string =>
  code.replace(/\n\/\/# sourceMappingURL=data:[^\n]*\n?$/, '\n');

describe('the workflow bundle', () => {
  const code = exists(BUNDLE) ? withoutMap(readText(BUNDLE)) : '';

  test('is built: run `npm run build` otherwise', () => {
    expect(exists('dist/current/complete')).toBe(true);
    expect(code.length).toBeGreaterThan(10_000);
  });

  test('has at most 700 KB without its source map', () => {
    expect(code).not.toContain('sourceMappingURL=data:');
    expect(Buffer.byteLength(code)).toBeLessThanOrEqual(BYTES_MAX);
  });

  test.each(['zod', 'kysely', 'openai', 'better-sqlite3', '@temporalio/client'])(
    'holds nothing of %s',
    (name) => {
      expect(code).not.toContain(`/node_modules/${name}/`);
    },
  );
});
