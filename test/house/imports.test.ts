import { judgeImport } from './import-law.js';
import { exists, importsOf, readJson, sourceFiles, type Import } from './sources.js';

const found = (from: string, text: string, file: string | null, isTypeOnly = false): Import => ({
  from,
  line: 1,
  text,
  file,
  isTypeOnly,
});

describe('the import law', () => {
  test.each<[string, Import]>([
    ['a workflow imports Node', found('workflows/agent/turn.ts', 'node:fs', null)],
    ['a workflow imports zod', found('workflows/agent/turn.ts', 'zod', null)],
    [
      'an agent imports the team',
      found('workflows/agent/turn.ts', '../team/plan.js', 'workflows/team/plan.ts'),
    ],
    [
      'a workflow imports an activity by value',
      found('workflows/agent/turn.ts', '../../activities/index.js', 'activities/index.ts'),
    ],
    [
      'the protocol imports config',
      found('workflows/protocol/ids.ts', '../../config/paths.js', 'config/paths.ts'),
    ],
    [
      'a tool imports a store',
      found(
        'activities/tools/files/edit.ts',
        '../../stores/open.js',
        'activities/stores/open-store.ts',
      ),
    ],
    [
      'a tool starts a process',
      found('activities/tools/shell/shell.ts', 'node:child_process', null),
    ],
    [
      'a provider imports the Temporal client',
      found('activities/models/a.ts', '@temporalio/client', null),
    ],
    [
      'a model reaches into a tool',
      found('activities/models/a.ts', '../tools/run-tool.js', 'activities/tools/run-tool.ts'),
    ],
    ['a route talks to Temporal', found('client/http/server.ts', '@temporalio/client', null)],
    [
      'a client imports a tool',
      found('client/http/server.ts', '../../activities/tools/tool.js', 'activities/tools/tool.ts'),
    ],
    ['the command line imports an SDK', found('client/cli/main.ts', 'openai', null)],
    [
      'an activity imports workers',
      found('activities/index.ts', '../workers/deps.js', 'workers/deps.ts'),
    ],
    ['config starts processes', found('config/load.ts', 'node:child_process', null)],
    ['an import has no ending', found('config/load.ts', './paths', 'config/paths.ts')],
  ])('would be broken if %s', (_, broken) => {
    expect(judgeImport(broken)).toMatch(/[a-z]{3}/);
  });

  test.each<[string, Import]>([
    [
      'a workflow knows activities as types',
      found('workflows/activity-proxies.ts', '../activities/index.js', 'activities/index.ts', true),
    ],
    [
      'the bundle index names workflows',
      found('workflows/index.ts', './agent/agent.workflow.js', 'workflows/agent/agent.workflow.ts'),
    ],
    ['the gateway talks to Temporal', found('client/gateway.ts', '@temporalio/client', null)],
    [
      'a worker imports what it likes',
      found('workers/deps.ts', '../client/gateway.js', 'client/gateway.ts'),
    ],
    ['a file tool reads files', found('activities/tools/files/read.ts', 'node:fs/promises', null)],
  ])('allows that %s', (_, allowed) => {
    expect(judgeImport(allowed)).toBeNull();
  });

  test('is kept by every source file', () => {
    const broken = sourceFiles.flatMap(importsOf).flatMap((one) => {
      const cure = judgeImport(one);
      return cure === null ? [] : [`${one.from}:${one.line} imports ${one.text}: ${cure}`];
    });
    expect(broken).toEqual([]);
  });
});

describe('imports', () => {
  test('lead to files that exist', () => {
    const dangling = sourceFiles
      .flatMap(importsOf)
      .filter(({ file }) => file !== null && !exists(file))
      .map(({ from, line, text }) => `${from}:${line} ${text}`);
    expect(dangling).toEqual([]);
  });

  test('form no cycle of values', () => {
    expect(findCycle(sourceFiles, valueTargets)).toEqual([]);
  });

  test('that form a cycle are found', () => {
    const targets: Record<string, string[]> = { a: ['b'], b: ['c', 'd'], c: [], d: ['b'] };
    expect(findCycle(['a', 'b', 'c', 'd'], (file) => targets[file]!)).toEqual(['b', 'd', 'b']);
  });

  test('reach every source file from an entry of the build', () => {
    const entries = Object.values(readJson<Record<string, string>>('scripts/entries.json'));
    const reached = new Set<string>();
    const waiting = [...entries, 'workflows/index.ts'];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (reached.has(file) || !exists(file)) continue;
      reached.add(file);
      waiting.push(...importsOf(file).flatMap((one) => (one.file === null ? [] : [one.file])));
    }
    expect(sourceFiles.filter((file) => !reached.has(file))).toEqual([]);
  });
});

const valueTargets = (file: string): string[] =>
  importsOf(file).flatMap((one) => (one.file === null || one.isTypeOnly ? [] : [one.file]));

/** The first cycle, as its way round; empty when there is none. */
const findCycle = (
  files: readonly string[],
  targetsOf: (file: string) => readonly string[],
): string[] => {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file) || !files.includes(file)) return [];
    for (const target of targetsOf(file)) {
      const cycle = visit(target, [...way, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
};
