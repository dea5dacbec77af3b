/**
 * A project folder with a folder outside beside it, and what a tool gets to know of it.
 *
 * Callback style; both folders are removed afterwards, and a handle that is still open on anything in
 * them fails the test.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import type { Tool, ToolContext, ToolPlan } from '../../activities/tools/tool.js';
import { contextFor } from './tool-context.js';

export interface Workspace {
  /** Real path of the project. */
  readonly project: string;
  /** Real path of a folder beside it, named as the project with a suffix. */
  readonly outside: string;
  /** A context with call ids of its own each time. */
  context(overrides?: Partial<ToolContext>): ToolContext;
  /** Absolute path in the project. */
  at(path: string): string;
  /** Writes a file of the project with its folders; returns its absolute path. */
  put(path: string, content: string | Uint8Array, mode?: number): string;
  get(path: string): string;
  bytes(path: string): Buffer;
}

let calls = 0;

const openHandlesIn = (folder: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });

/** `base`: where the folders are made (a small file system of its own, for a full disk). */
export const withWorkspace = async (
  body: (workspace: Workspace) => Promise<void> | void,
  base = tmpdir(),
): Promise<void> => {
  const home = realpathSync(mkdtempSync(join(base, 'loomkin-workspace-')));
  const [project, outside, scratch] = ['proj', 'proj2', 'scratch'].map((name) => join(home, name));
  if (!project || !outside || !scratch) throw new Error('no folders');
  for (const folder of [project, outside, scratch]) mkdirSync(folder);
  const at = (path: string): string => join(project, path);
  try {
    await body({
      project,
      outside,
      at,
      context: (overrides = {}) => ({
        ...contextFor(project, scratch, (calls += 1)),
        ...overrides,
      }),
      put: (path, content, mode) => {
        mkdirSync(dirname(at(path)), { recursive: true });
        writeFileSync(at(path), content);
        if (mode !== undefined) chmodSync(at(path), mode);
        return at(path);
      },
      get: (path) => readFileSync(at(path), 'utf8'),
      bytes: (path) => readFileSync(at(path)),
    });
    const open = openHandlesIn(home);
    if (open.length > 0) throw new Error(`handles left open: ${open.join(', ')}`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

/** Parses and plans one call; arguments that are refused are an answer. */
export const planCall = async (
  tool: Tool,
  input: unknown,
  context: ToolContext,
): Promise<ToolPlan> => {
  const parsed = tool.parse(input);
  if (!parsed.ok) return { kind: 'answer', text: parsed.error, isError: true };
  return tool.plan(parsed.input, context);
};

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles entries (name → path below the repository) as the product's build does; removed by `remove`. */
export const bundle = async (entries: Readonly<Record<string, string>>) => {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'dist', 'test-'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: { ...entries },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
};
