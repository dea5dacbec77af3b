/**
 * What an agent is told of its project: true, bounded, and nothing from outside the repository.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { contextBlock } from '../../activities/models/context-block.js';
import { describeRepository } from '../../activities/tools/git/describe-repository.js';
import { sessionFacts } from './session-facts.js';

const SOURCES = { now: new Date('2025-03-09T12:00:00Z'), describeGit: describeRepository };
let folder: string;
let project: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'loomkin-context-')));
  project = join(folder, 'project');
  mkdirSync(project);
});
afterEach(() => rmSync(folder, { recursive: true }));

const env = () => ({
  PATH: process.env['PATH'] ?? '',
  HOME: folder,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b.c',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b.c',
});
const git = (...args: string[]): void =>
  void execFileSync('git', args, { cwd: project, env: env(), stdio: 'pipe' });
const write = (path: string, text: string): void => writeFileSync(join(project, path), text);
const describeProject = (at = project): Promise<string> =>
  contextBlock(sessionFacts({ project: at, toolEnv: env() }), SOURCES);

const initialised = (): void => {
  git('init', '-q', '-b', 'main');
  write('a.txt', 'a');
  git('add', '.');
  git('commit', '-qm', 'feat: begin');
};

test('a folder outside git is said to be one', async () => {
  const text = await describeProject();
  expect(text).toContain(`Project folder: ${project}`);
  expect(text).toContain('Date: 2025-03-09');
  expect(text).toContain('not a git repository');
});

test('branch, changes and last commits are told', async () => {
  initialised();
  write('a.txt', 'b');
  write('new.txt', '');
  const text = await describeProject();
  expect(text).toContain('Git: branch main');
  expect(text).toContain(' M a.txt');
  expect(text).toContain('?? new.txt');
  expect(text).toMatch(/[0-9a-f]{7,} feat: begin/);
});

test('a clean tree and a repository without commits are told as such', async () => {
  git('init', '-q', '-b', 'trunk');
  expect(await describeProject()).toContain('branch trunk (no commits yet)');
  initialised();
  expect(await describeProject()).toContain('Working tree: clean');
});

test('a machine without git is told', async () => {
  const toolEnv = { PATH: folder };
  const text = await contextBlock(sessionFacts({ project, toolEnv }), SOURCES);
  expect(text).toContain('git is not installed');
});

test.each([
  ['config', (line: string) => git('config', 'filter.evil.clean', line)],
  [
    'a config that it includes',
    (line: string) => {
      write('evil.conf', `[filter "evil"]\n\tclean = "${line}"\n`);
      git('config', 'include.path', '../evil.conf');
    },
  ],
  [
    'the config of another git folder that it points at',
    (line: string) => {
      const common = join(folder, 'common');
      execFileSync('cp', ['-r', join(project, '.git'), common]);
      writeFileSync(join(project, '.git', 'commondir'), `${common}\n`);
      execFileSync('git', ['-C', project, 'config', 'filter.evil.clean', line]);
    },
  ],
])('no filter that a repository names in %s is run', async (_, name) => {
  initialised();
  write('.gitattributes', '* filter=evil\n');
  const mark = join(folder, 'ran');
  name(`touch ${mark}; cat`);
  write('a.txt', 'c');
  expect(await describeProject()).toContain(' M a.txt');
  expect(existsSync(mark)).toBe(false);
  // The trap is a real one.
  git('status');
  expect(existsSync(mark)).toBe(true);
});

test.each([
  ['nothing but a config', [] as string[]],
  ['a config and a HEAD', ['HEAD']],
  ['everything but refs', ['HEAD', 'objects']],
  ['everything, its HEAD being none', ['HEAD', 'objects', 'refs']],
])('a decoy of a git folder with %s does not hide the config that counts', async (_, parts) => {
  initialised();
  const mark = join(folder, 'ran');
  write('.gitattributes', '* filter=evil\n');
  mkdirSync(join(project, 'inner'));
  write('inner/b.txt', 'b');
  git('add', '.');
  git('commit', '-qm', 'more');
  git('config', 'filter.evil.clean', `touch ${mark}; cat`);
  write('inner/b.txt', 'c');
  const decoy = join(project, 'inner', '.git');
  mkdirSync(decoy);
  writeFileSync(join(decoy, 'config'), '[core]\n');
  for (const part of parts)
    if (part === 'HEAD') writeFileSync(join(decoy, part), 'ref: elsewhere\n');
    else mkdirSync(join(decoy, part));
  await describeProject(join(project, 'inner'));
  expect(existsSync(mark)).toBe(false);
});

test('a thousand changed files are counted, not listed', async () => {
  initialised();
  for (let index = 0; index < 1_000; index += 1) write(`file-${index}`, '');
  const text = await describeProject();
  expect(text).toContain('… and 970 more');
  expect(text.length).toBeLessThan(4_000);
});

test('a program that the repository names is not run', async () => {
  initialised();
  const mark = join(folder, 'ran');
  git('config', 'core.fsmonitor', `touch ${mark}; false`);
  git('config', 'core.pager', `touch ${mark}`);
  await describeProject();
  expect(() => realpathSync(mark)).toThrow();
});

describe('instructions', () => {
  test('come from the top level down, the nearest last', async () => {
    initialised();
    const inner = join(project, 'packages', 'core');
    mkdirSync(inner, { recursive: true });
    write('AGENTS.md', 'top words');
    write('packages/AGENTS.md', 'middle words');
    write('packages/core/AGENTS.md', 'near words');
    writeFileSync(join(folder, 'AGENTS.md'), 'words from outside');
    const text = await describeProject(inner);
    const places = ['top words', 'middle words', 'near words'].map((words) => text.indexOf(words));
    expect(places.every((place) => place > 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    expect(text).not.toContain('words from outside');
  });

  test('are CLAUDE.md only where there is no AGENTS.md', async () => {
    write('CLAUDE.md', 'claude words');
    expect(await describeProject()).toContain('claude words');
    write('AGENTS.md', 'agents words');
    const text = await describeProject();
    expect(text).toContain('agents words');
    expect(text).not.toContain('claude words');
  });

  test('outside git are those of the project folder alone', async () => {
    writeFileSync(join(folder, 'AGENTS.md'), 'words from above');
    write('AGENTS.md', 'own words');
    const text = await describeProject();
    expect(text).toContain('own words');
    expect(text).not.toContain('words from above');
  });

  test('that are too long are cut, the far ones first, at a whole character', async () => {
    initialised();
    mkdirSync(join(project, 'inner'));
    write('AGENTS.md', `far ${'ä'.repeat(20_000)}`);
    write('inner/AGENTS.md', `near ${'ö'.repeat(10_000)} end of near`);
    const text = await describeProject(join(project, 'inner'));
    expect(text).toContain('end of near');
    expect(text).toContain('[cut: read ../AGENTS.md for the rest]');
    expect(text).not.toContain('\uFFFD');
    expect(Buffer.byteLength(text)).toBeLessThan(32 * 1024);
  });

  test('that link out of the repository are not read; inside it they are', async () => {
    writeFileSync(join(folder, 'secret'), 'a secret');
    symlinkSync(join(folder, 'secret'), join(project, 'AGENTS.md'));
    expect(await describeProject()).not.toContain('a secret');
    rmSync(join(project, 'AGENTS.md'));
    write('CLAUDE.md', 'shared words');
    symlinkSync('CLAUDE.md', join(project, 'AGENTS.md'));
    expect(await describeProject()).toContain('shared words');
  });

  test('that are a fifo, a folder or empty are passed over', async () => {
    execFileSync('mkfifo', [join(project, 'AGENTS.md')]);
    expect(await describeProject()).not.toContain('Instructions');
    rmSync(join(project, 'AGENTS.md'));
    mkdirSync(join(project, 'AGENTS.md'));
    write('CLAUDE.md', '  \n');
    expect(await describeProject()).not.toContain('Instructions');
  });
});
