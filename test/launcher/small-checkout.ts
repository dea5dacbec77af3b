/**
 * A checkout of a few files with the real launcher, set-up and build, installed by the real npm.
 *
 * Its `better-sqlite3` is a stand-in; its compilation writes to a log and can be held up, so that a
 * test can kill in the middle of it. What must stay true: nothing is fetched, and a checkout lies in
 * the test's own folder.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SCRIPTS = ['setup.sh', 'checkout-head.sh', 'installed.mjs', 'door.mjs', 'build.mjs'];

/** Prints what it got, so that a test sees arguments, standard input and build. */
const MAIN = `
import { readFileSync } from 'node:fs';
const stdin = process.argv[2] === 'stdin' ? readFileSync(0, 'utf8') : null;
process.stdout.write(JSON.stringify({ build: LOOMKIN_BUILD, args: process.argv.slice(2), stdin, pid: process.pid }) + '\\n');
process.exitCode = process.argv[2] === 'fail' ? 53 : 0;
`;

/** Appends to the log, then waits as long as the hold is there, then "compiles" for this Node. */
const INSTALL = `
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { INSTALL_LOG: log, INSTALL_HOLD: hold } = process.env;
if (log) appendFileSync(log, process.pid + '\\n');
const end = () => {
  if (hold && existsSync(hold)) return setTimeout(end, 20);
  const out = 'node_modules/better-sqlite3/build/Release';
  mkdirSync(out, { recursive: true });
  writeFileSync(out + '/better_sqlite3.node', process.versions.modules);
};
end();
`;
const DATABASE = `
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
module.exports = class {
  constructor() {
    const abi = readFileSync(join(__dirname, 'build/Release/better_sqlite3.node'), 'utf8');
    if (abi !== process.versions.modules) throw new Error('compiled for ' + abi);
  }
  close() {}
};
`;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** Runs it as this user. */
  readonly uid?: number;
  /** Another path to the launcher. */
  readonly command?: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** The folder of one test: checkouts in it, a home, and what the installation notes. */
export class Yard {
  readonly folder = mkdtempSync(join(tmpdir(), 'yard-'));
  readonly checkout: string;
  readonly log = join(this.folder, 'install.log');
  readonly hold = join(this.folder, 'hold');

  constructor(name = 'checkout') {
    this.checkout = join(this.folder, name);
    mkdirSync(join(this.folder, 'home'));
  }

  start(options: StartOptions = {}): Started {
    const { args = [], cwd = this.folder, env = {}, uid } = options;
    const child = spawn(options.command ?? join(this.checkout, 'loomkin'), [...args], {
      cwd,
      env: { ...this.environment(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A process group of its own, so that a test can kill all of it.
      detached: true,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    child.stdin.on('error', () => {}).end(options.stdin ?? '');
    return { child, ended: collect(child) };
  }

  run(options: StartOptions = {}): Promise<Ended> {
    return this.start(options).ended;
  }

  environment(): Record<string, string | undefined> {
    const { PATH } = process.env;
    const home = join(this.folder, 'home');
    return {
      PATH,
      HOME: home,
      TMPDIR: tmpdir(),
      npm_config_offline: 'true',
      INSTALL_LOG: this.log,
      INSTALL_HOLD: this.hold,
    };
  }

  /** Pids of the installations that were begun. */
  installations(): number[] {
    if (!existsSync(this.log)) return [];
    return (readFileSync(this.log, 'utf8').match(/\d+\n/g) ?? []).map(Number);
  }

  git(...args: string[]): string {
    const identity = ['-c', 'user.name=T', '-c', 'user.email=t@example.com'];
    return execFileSync('git', ['-C', this.checkout, ...identity, ...args], { encoding: 'utf8' });
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.checkout, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.checkout, file), 'utf8');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const collect = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve) => {
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
    child.once('error', (error) =>
      resolve({ code: null, signal: null, stdout, stderr: String(error) }),
    );
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });

const writeStandIn = (folder: string, version: string): void => {
  const source = join(folder, 'stand-in', 'package');
  mkdirSync(source, { recursive: true });
  const manifest = { name: 'better-sqlite3', version };
  writeFileSync(join(source, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(source, 'index.js'), DATABASE);
  const archive = join(folder, `better-sqlite3-${version}.tgz`);
  execFileSync('tar', ['-czf', archive, '-C', dirname(source), 'package']);
  rmSync(dirname(source), { recursive: true });
};

/** The real build, with the real bundler: of all packages the only one that is not stood in for. */
const writeBuild = (checkout: string): void => {
  const file = join(checkout, 'scripts/build.mjs');
  const bundler = join(root, 'node_modules/esbuild/lib/main.js');
  const real = readFileSync(file, 'utf8');
  writeFileSync(file, real.replace("from 'esbuild'", `from '${bundler}'`));
};

/** Writes a checkout that was never set up. The lock is made by npm itself. */
export const writeCheckout = (checkout: string): void => {
  mkdirSync(join(checkout, 'scripts'), { recursive: true });
  mkdirSync(join(checkout, 'client/cli'), { recursive: true });
  cpSync(join(root, 'loomkin'), join(checkout, 'loomkin'));
  chmodSync(join(checkout, 'loomkin'), 0o755);
  for (const file of SCRIPTS) cpSync(join(root, 'scripts', file), join(checkout, 'scripts', file));
  writeFileSync(join(checkout, 'scripts/entries.json'), '{"cli":"client/cli/main.ts"}');
  writeFileSync(join(checkout, 'client/cli/main.ts'), MAIN);
  writeFileSync(join(checkout, '.gitignore'), 'node_modules/\ndist/\n');
  writeBuild(checkout);
  writeFileSync(join(checkout, 'install.cjs'), INSTALL);
  writePackages(checkout, '1.0.0');
};

/** Packages of another version: stand-in, package.json, and the lock that npm makes of them. */
export const writePackages = (checkout: string, version: string): void => {
  writeStandIn(checkout, version);
  const manifest = {
    name: 'small',
    version: '0.0.1',
    type: 'module',
    scripts: { install: 'node install.cjs' },
    dependencies: { 'better-sqlite3': `file:better-sqlite3-${version}.tgz` },
  };
  writeFileSync(join(checkout, 'package.json'), JSON.stringify(manifest));
  const lock = ['install', '--package-lock-only', '--ignore-scripts', '--offline', '--no-audit'];
  const cache = join(checkout, '..', 'cache');
  const env = { PATH: process.env['PATH'], HOME: tmpdir(), npm_config_cache: cache };
  execFileSync('npm', lock, { cwd: checkout, env, stdio: 'pipe' });
};

/** Copies a checkout as it is, times and links included. */
export const copyCheckout = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });

/** A PATH on which `node` is this script, in front of all else. */
export const pathWithNode = (folder: string, script: string | null): string => {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of ['sh', 'dirname', 'mkdir', 'touch', 'cat', 'rm', 'mv', 'readlink']) {
    const path = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
    if (path.startsWith('/') && !existsSync(join(bin, tool))) symlinkSync(path, join(bin, tool));
  }
  if (script !== null) {
    writeFileSync(join(bin, 'node'), script);
    chmodSync(join(bin, 'node'), 0o755);
  }
  return bin;
};
