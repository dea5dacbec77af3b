/**
 * `npm run dev`: builds, starts everything, and does both again whenever a source changes.
 *
 * A newer build makes the supervisor swap the daemon, and sessions go on, so a change is live in
 * seconds. What must stay true: it uses the same build and the same `up` as everybody else.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['workflows', 'activities', 'config', 'workers', 'client'];
/** Editors write a file in several steps: wait until it is quiet. */
const QUIET_MS = 150;

const run = (command, ...args) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;

const update = () => run('sh', 'scripts/setup.sh', 'dev') && run('./loomkin', 'up');

let timer;
for (const folder of SOURCES.filter((name) => existsSync(join(root, name))))
  watch(join(root, folder), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(update, QUIET_MS);
  });
update();
