import { hostname } from 'node:os';
import { posix } from 'node:path';
import { parse } from 'yaml';

import { allFiles, exists, readJson, readText, root } from './sources.js';

const FOLDERS =
  'workflows|activities|config|workers|client|test|bench|docs|examples|scripts|docker';
const PATHS = new RegExp(`(?<![\\w./-])(?:${FOLDERS})/[\\w./-]*[\\w/]`, 'g');

/** Paths in backticks that a document names, as far as they are plain names. */
const pathsNamedIn = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) => code!.match(PATHS) ?? []);

const isTemplate = (path: string): boolean => /[A-Z]{4,}/.test(path);

describe('ARCHITECTURE.md', () => {
  const text = readText('ARCHITECTURE.md');

  test('has at most 200 lines', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  test('tells one message from end to end, by files that exist', () => {
    const story = text.split('## One message, end to end')[1]!.split('\n## ')[0]!;
    expect(pathsNamedIn(story).length).toBeGreaterThanOrEqual(15);
    expect(pathsNamedIn(story).filter((path) => !exists(path))).toEqual([]);
  });

  test.each(['Code map', 'Invariants', 'Glossary'])('has the section "%s"', (title) => {
    expect(text).toContain(`\n## ${title}\n`);
  });
});

describe('a document', () => {
  const documents = allFiles.filter((file) => /^([A-Z]+|docs\/.*)\.md$/.test(file));

  test.each(documents)('%s names only paths that exist', (file) => {
    const paths = pathsNamedIn(readText(file)).filter((path) => !isTemplate(path));
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });

  test.each(documents)('%s links only to files that exist', (file) => {
    const links = [...readText(file).matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to!);
    expect(
      links.filter((to) => !/^https?:/.test(to) && !exists(posix.join(posix.dirname(file), to))),
    ).toEqual([]);
  });

  test('is there for each question', () => {
    const wanted = ['README', 'ARCHITECTURE', 'CONTRIBUTING', 'REVIEW', 'AGENTS', 'CHANGELOG'];
    expect(wanted.filter((name) => !documents.includes(`${name}.md`))).toEqual([]);
    expect(readText('LICENSE')).toMatch(/^MIT License/);
  });

  test('of a decision has its date in its name', () => {
    const decisions = allFiles.filter((file) => file.startsWith('docs/decisions/'));
    expect(decisions.filter((f) => !/\/\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$/.test(f))).toEqual([]);
    expect(decisions.length).toBeGreaterThan(0);
  });
});

describe('CHANGELOG.md', () => {
  test('begins with what is unreleased', () => {
    const sections = [...readText('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(
      ([, title]) => title,
    );
    expect(sections[0]).toBe('[Unreleased]');
  });
});

describe('README.md', () => {
  const commands = [...readText('README.md').matchAll(/```sh\n([\s\S]*?)```/g)].map(([, c]) => c!);

  test('runs the example by its first command and the tests by its second', () => {
    expect(commands[0]).toMatch(/\.\/loomkin .*--model scripted\/hello-refactor .*-p "/);
    expect(commands[0]!.trim().split('\n')).toHaveLength(1);
    expect(commands[1]!.trim()).toBe('npm test');
  });
});

interface Script {
  readonly agents: Record<string, { calls?: { tool: string; input: Record<string, string> }[] }[]>;
}

describe('the bundled script', () => {
  const script = readJson<Script>('examples/scripts/hello-refactor.json');
  const calls = Object.values(script.agents).flatMap((r) => r.flatMap(({ calls = [] }) => calls));

  test('edits text that the example has exactly once', () => {
    const edits = calls.filter(({ tool }) => tool === 'edit').map(({ input }) => input);
    expect(edits.length).toBeGreaterThan(0);
    for (const { path, old_string: old } of edits)
      expect(readText(`examples/greeter/${path}`).split(old!)).toHaveLength(2);
  });

  test('reads, edits and checks', () => {
    const tools = calls.map(({ tool }) => tool);
    expect(tools).toEqual(expect.arrayContaining(['read', 'edit', 'shell']));
  });
});

/** Written apart, so that this file itself does not name them. */
const FORBIDDEN = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['deb', 'debian', 'org'],
  ['proxy', 'golang', 'org'],
].map((parts) => parts.join('.'));

test('no file names a package registry, this machine or its folders', () => {
  const places = [...FORBIDDEN, ['', 'work', 'shared'].join('/'), ['', 'work', 'main'].join('/')];
  if (root.split('/').length > 2) places.push(`${root}/`);
  if (hostname().length > 5) places.push(hostname());
  const texts = allFiles.filter((file) => !/\.(db|png|gz|tgz|node)$/.test(file));
  const naming = texts.flatMap((file) => {
    const text = readText(file);
    return places.filter((place) => text.includes(place)).map((place) => `${file}: ${place}`);
  });
  expect(naming).toEqual([]);
});

interface Compose {
  readonly services: Readonly<Record<string, Container>>;
  readonly volumes: object;
}
interface Container {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly entrypoint?: readonly string[];
}

describe('docker-compose.yml', () => {
  const { services, volumes } = parse(readText('docker-compose.yml'), { merge: true }) as Compose;
  const { postgresql, schema, temporal, namespace, ui } = services;

  test('is a database, a schema job, a server, a namespace job and the Web UI', () => {
    const names = ['postgresql', 'schema', 'temporal', 'namespace', 'ui'];
    expect(Object.keys(services)).toEqual(names);
  });

  test('takes the images that are kept up, at exact versions', () => {
    const images = Object.values(services).map(({ image }) => image);
    expect(images.filter((image) => !/:\d+\.\d+(\.\d+)?$/.test(image))).toEqual([]);
    expect(images.some((image) => /auto-setup|:latest/.test(image))).toBe(false);
    expect([temporal!.image, schema!.image, namespace!.image].map((i) => i.split(':')[0])).toEqual([
      'temporalio/server',
      'temporalio/admin-tools',
      'temporalio/admin-tools',
    ]);
    expect(postgresql!.image).toMatch(/^postgres:16\b/);
  });

  test('uses the Postgres plugin and says how many shards there are', () => {
    for (const { environment } of [schema!, temporal!])
      expect(environment).toMatchObject({ DB: 'postgres12', POSTGRES_SEEDS: 'postgresql' });
    expect(temporal!.environment).toMatchObject({ NUM_HISTORY_SHARDS: '4' });
  });

  test('starts each part when what it needs is ready', () => {
    const needs = (service: Container): Record<string, string> =>
      Object.fromEntries(
        Object.entries(service.depends_on ?? {}).map(([name, { condition }]) => [name, condition]),
      );
    expect(needs(schema!)).toEqual({ postgresql: 'service_healthy' });
    expect(needs(temporal!)).toEqual({ schema: 'service_completed_successfully' });
    expect(needs(namespace!)).toEqual({ temporal: 'service_healthy' });
    expect(needs(ui!)).toEqual({ temporal: 'service_healthy' });
  });

  test('keeps histories 30 days and the database in a volume', () => {
    expect(namespace!.environment).toMatchObject({ RETENTION: '720h' });
    const [mounted] = postgresql!.volumes!;
    expect(Object.keys(volumes)).toEqual([mounted!.split(':')[0]]);
  });

  test('opens no port but on loopback', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(ports).toHaveLength(2);
  });

  test('mounts scripts and settings that are there', () => {
    const mounted = '/loomkin/';
    const named = [
      ...(schema!.entrypoint ?? []),
      ...(namespace!.entrypoint ?? []),
      temporal!.environment!['DYNAMIC_CONFIG_FILE_PATH']!,
    ].filter((word) => word.startsWith(mounted));
    expect(named).toHaveLength(3);
    for (const path of named) expect(exists(path.replace(mounted, 'docker/temporal/'))).toBe(true);
  });

  test('raises the poll rates and shuts the HTTP door, as the local server does', () => {
    const settings = parse(readText('docker/temporal/dynamic-config.yaml')) as Record<
      string,
      readonly { readonly value: unknown }[]
    >;
    const valueOf = (key: string): unknown => settings[key]?.[0]?.value;
    for (const queue of ['transfer', 'timer', 'visibility', 'outbound'])
      expect(valueOf(`history.${queue}ProcessorMaxPollRPS`)).toBe(2000);
    expect(valueOf('frontend.httpAllowedHosts')).toEqual(['loomkin.invalid']);
  });

  test('makes the search attributes of the protocol', () => {
    const made = readText('docker/temporal/create-namespace.sh');
    const names = readText('workflows/protocol/names.ts').match(
      /SEARCH_ATTRIBUTES = \{([^}]+)\}/,
    )![1]!;
    const attributes = [...names.matchAll(/(\w+): (\d)/g)];
    expect(attributes.length).toBeGreaterThanOrEqual(6);
    for (const [, name] of attributes) expect(made).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
