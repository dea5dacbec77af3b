/**
 * What is known of a process whose end can't be found out, in words for the model.
 *
 * Times, the last lines of its output and the files that changed since; gathered within bounds, since
 * the folder may be a home folder. What must stay true: it claims nothing about whether it finished.
 */
import { opendir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

import type { EffectFolder, RunRecord } from './folder.js';
import { startedAtMs } from './folder.js';
import { listSegments } from './segments.js';

const ENTRIES_MAX = 5000;
const NAMES_MAX = 20;
/** File times come from a clock that may lag behind ours. */
const CLOCK_LAG_MS = 100;
/** Folders whose files say nothing about a command, or too much. */
const SKIPPED = new Set(['.git', 'node_modules', '.venv', 'target', 'dist']);

/** Files below `root` modified at or after `sinceMs`, relative to it. */
const changedFiles = async (root: string, sinceMs: number): Promise<string[]> => {
  const found: string[] = [];
  const folders = [root];
  let seen = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await opendir(folder).catch(() => null);
    if (!entries) continue;
    for await (const entry of entries) {
      seen += 1;
      if (seen > ENTRIES_MAX || found.length >= NAMES_MAX) return found;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) folders.push(path);
      if (!entry.isFile()) continue;
      const facts = await stat(path).catch(() => null);
      if (facts && facts.mtimeMs >= sinceMs - CLOCK_LAG_MS) found.push(relative(root, path));
    }
  }
  return found;
};

const iso = (ms: number): string => new Date(ms).toISOString();

export const gatherEvidence = async (
  folder: EffectFolder,
  record: RunRecord | null,
  claimedAt: string,
): Promise<string> => {
  const lines = [`asked for at ${claimedAt}`];
  const started = await startedAtMs(folder);
  lines.push(started === null ? 'no sign that it began' : `began at ${iso(started)}`);
  const last = (await listSegments(folder)).at(-1);
  if (last && last.bytes > 0)
    lines.push(`last output at ${iso((await stat(last.file)).mtimeMs)}; its end is shown above`);
  if (record) {
    const files = await changedFiles(record.cwd, Date.parse(claimedAt));
    const more = files.length >= NAMES_MAX ? ', …' : '';
    lines.push(
      files.length === 0
        ? `no file below ${record.cwd} changed since`
        : `files below ${record.cwd} changed since: ${files.join(', ')}${more}`,
    );
  }
  return lines.join('\n');
};
