import { readJson } from './sources.js';

interface Manifest {
  readonly type: string;
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}
interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}
interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

const manifest = readJson<Manifest>('package.json');
const lock = readJson<Lock>('package-lock.json');
const installed = readJson<Lock>('node_modules/.package-lock.json');
const nameOf = (path: string): string => path.split('node_modules/').at(-1)!;

describe('package.json', () => {
  test('pins every version exactly', () => {
    const { dependencies, devDependencies, overrides } = manifest;
    const pins = Object.entries({ ...dependencies, ...devDependencies, ...overrides });
    expect(pins.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  test('is one ES module package for Node 20.19 and newer', () => {
    expect(manifest.type).toBe('module');
    expect(manifest.engines.node).toBe('>=20.19');
  });

  test('has the commands the documents name', () => {
    const wanted = ['build', 'dev', 'test', 'check', 'format', 'bench', 'chaos', 'hooks'];
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(wanted));
  });

  test('decides about every package that wants to run a script at installation', () => {
    const wanting = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
    const undecided = wanting.filter(([path]) => !(nameOf(path) in manifest.allowScripts));
    expect(undecided.map(([path]) => path)).toEqual([]);
  });

  test('lets one package alone run a script: the one that is compiled', () => {
    const allowed = Object.entries(manifest.allowScripts).filter(([, allow]) => allow);
    expect(allowed).toEqual([['better-sqlite3', true]]);
  });
});

describe('package-lock.json', () => {
  test('names no registry', () => {
    const placed = Object.entries(lock.packages).filter(([, entry]) => entry.resolved);
    expect(placed).toEqual([]);
  });

  test('has the versions of package.json', () => {
    const { dependencies, devDependencies } = manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
  });

  test('pins all Temporal packages to one version', () => {
    const temporal = Object.entries(lock.packages).filter(([path]) =>
      path.includes('@temporalio/'),
    );
    const ours = temporal.filter(([path]) => !path.includes('nexus'));
    expect(new Set(ours.map(([, entry]) => entry.version)).size).toBe(1);
  });
});

test('Temporal finds one copy of protobufjs: with several, no history can be read from JSON', () => {
  const copies = (source: Lock): string[] =>
    Object.entries(source.packages)
      .filter(([path, { version }]) => nameOf(path) === 'protobufjs' && version.startsWith('8.'))
      .map(([path]) => path);
  expect(copies(lock)).toEqual(['node_modules/protobufjs']);
  expect(copies(installed)).toEqual(['node_modules/protobufjs']);
});
