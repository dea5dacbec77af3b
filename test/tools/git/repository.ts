/**
 * A scene whose project is a git repository with one commit, and a user's git configuration of its own.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { gitTool, type GitInput } from '../../../activities/tools/git/git.js';
import { snapshotTree } from '../../../activities/tools/git/snapshot.js';
import type { CarriedOut } from '../../../activities/effects/effect.js';
import type { CallOptions } from '../../effects/process-call.js';
import { withScene, type Scene } from '../../effects/process-scene.js';

export interface Repository extends Scene {
  readonly env: Readonly<Record<string, string>>;
  /** Output of git as the user would run it; throws when it fails. */
  git(...args: string[]): string;
  put(path: string, text: string): void;
  call(input: GitInput, options?: CallOptions): Promise<CarriedOut>;
  commit(message: string, paths?: readonly string[], options?: CallOptions): Promise<CarriedOut>;
  /** Takes the snapshot of the session's start, if it is not there. */
  begin(): Promise<string | null>;
}

export const withRepository = (
  body: (repository: Repository) => Promise<void>,
  options: { readonly identity?: boolean; readonly empty?: boolean; readonly plain?: boolean } = {},
): Promise<void> =>
  withScene(async (scene) => {
    const { project, home, session } = scene;
    const user = join(home, 'user');
    mkdirSync(user);
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: user,
      LANG: 'C.UTF-8',
      GIT_CONFIG_NOSYSTEM: '1',
    };
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: project, env, encoding: 'utf8', stdio: 'pipe' });
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), text);
    };
    if (!options.plain) git('init', '-q', '-b', 'main');
    if (!options.plain && options.identity !== false) {
      git('config', 'user.name', 'Ada');
      git('config', 'user.email', 'ada@example.org');
    }
    if (!options.plain && !options.empty) {
      put('a.txt', 'a\n');
      put('b.txt', 'b\n');
      put('.gitignore', 'ignored/\n*.log\n');
      git('add', '-A');
      git('-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-q', '-m', 'first');
    }
    const begin = () => snapshotTree(project, session, env);
    const call: Repository['call'] = async (input, callOptions = {}) => {
      const made = scene.environment(gitTool, input, {
        ...callOptions,
        env: callOptions.env ?? env,
      });
      const context = { ...made.context, baseTree: begin };
      return scene.perform({ ...made, context });
    };
    const commit: Repository['commit'] = (message, paths, callOptions) =>
      call({ operation: 'commit', message, ...(paths && { paths }) }, callOptions);
    await body({ ...scene, env, git, put, call, commit, begin });
  });

/** Gives the repository a hook. */
export const hook = ({ project }: Repository, name: string, text: string): void => {
  const file = join(project, '.git', 'hooks', name);
  mkdirSync(join(project, '.git', 'hooks'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
};

/** What a commit changed, as `M a.txt`. */
export const filesOf = (repository: Repository, commit = 'HEAD'): string[] =>
  repository
    .git('show', '--format=', '--name-status', '--no-renames', commit)
    .trim()
    .split('\n')
    .map((line) => line.replace('\t', ' '));
