/**
 * Finds what tests leave behind: every test's temp folder lies in one folder, which names its owner.
 *
 * A process is a leftover when its environment, its working folder or its command line names that
 * folder: daemons, servers and commands of tests all do. What must stay true: only processes that
 * name this run's own folder are ever touched.
 */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 3_000;

/** Makes the folder and has `os.tmpdir()` answer with it, here and in all children. */
export const openTestFolder = () => {
  // Short, since paths of sockets may lie below it.
  const folder = mkdtempSync(join(tmpdir(), 'lkt-'));
  process.env['TMPDIR'] = folder;
  return folder;
};

const textOf = (read) => {
  try {
    return read().toString();
  } catch {
    return '';
  }
};

const parentOf = (pid) => {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`));
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
};

/** Jest's own processes carry the folder in their environment, too. */
const isOurOwn = (pid) =>
  pid === process.pid ||
  pid === process.ppid ||
  (parentOf(pid) === process.pid &&
    textOf(() => readFileSync(`/proc/${pid}/cmdline`)).includes('jest-worker'));

const names = (pid, folder) =>
  ['environ', 'cmdline'].some((file) =>
    textOf(() => readFileSync(`/proc/${pid}/${file}`)).includes(folder),
  ) || textOf(() => readlinkSync(`/proc/${pid}/cwd`)).startsWith(folder);

const processesOf = (folder) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !isOurOwn(pid) && names(pid, folder));

const describeProcess = (pid) => {
  const line = textOf(() => readFileSync(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ');
  return `process ${pid}: ${line.trim().slice(0, 200)}`;
};

const hasProc = () => process.platform === 'linux';

/** Everything left behind, in words; empty when the tests were tidy. Processes get a moment to end. */
export const findLeftovers = async (folder, graceMs = GRACE_MS) => {
  const until = Date.now() + graceMs;
  let pids = hasProc() ? processesOf(folder) : [];
  while (pids.length > 0 && Date.now() < until) {
    await sleep(50);
    pids = processesOf(folder);
  }
  const folders = readdirSync(folder).map((name) => `folder ${join(folder, name)}`);
  return [...pids.map(describeProcess), ...folders];
};

/** Ends and removes what was found, so that one untidy test does not spoil the next run. */
export const removeTestFolder = (folder) => {
  for (const pid of hasProc() ? processesOf(folder) : [])
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};
