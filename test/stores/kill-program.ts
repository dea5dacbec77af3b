/**
 * Writes messages and edits files without end, as fast as it can, until it is killed.
 *
 * First finishes what its predecessor left: an open claim whose file has the new content happened,
 * one whose file has the old content did not. Each acknowledged write is a line on stdout. Arguments:
 * folder, round, store thread.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { openStore } from '../../activities/stores/open-store.js';
import { signatureOf } from '../../activities/stores/publish-file.js';
import type { EffectRow } from '../../activities/stores/effects-store.js';
import { fileClaim, message, outcome } from './samples.js';

const [folder = '', round = '', threadFile = ''] = process.argv.slice(2);
const project = join(folder, 'project');
mkdirSync(project, { recursive: true });
const dir = realpathSync(project);
const dirFd = openSync(dir, 'r');

const tell = (line: string): void => void writeSync(1, `${line}\n`);
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const store = await openStore({
  file: join(folder, 'loomkin.db'),
  blobsDir: join(folder, 'blobs'),
  backupsDir: join(folder, 'backups'),
  threadFile,
  faultSpec: process.env['LOOMKIN_FAULT'],
  faultsLog: join(folder, 'faults.log'),
});
await store.call('takeFence', { pid: process.pid, at: '' });

const syncFile = (path: string): void => {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
};

const finish = async ({ key, claim }: EffectRow): Promise<void> => {
  if (claim.kind !== 'file') return;
  const hash = sha(textOf(claim.path));
  const happened = hash === claim.postHash;
  if (!happened && hash !== claim.preHash) tell(`torn ${key}`);
  if (happened) syncFile(claim.path);
  rmSync(join(dir, claim.temp), { force: true });
  const state = happened ? 'applied' : 'failed';
  await store.call('settleEffect', { key, outcome: outcome({ state }) });
};

const edit = async (name: string, key: string): Promise<void> => {
  const path = join(dir, name);
  const before = textOf(path);
  const after = `${before}${key}\n`;
  const temp = `.lk-${key}`;
  const claim = { preHash: sha(before), postHash: sha(after), temp, path, mode: 0o600, text: '' };
  await store.call('claimEffect', fileClaim(key, path, { claim: { kind: 'file', ...claim } }));
  const file = openSync(join(dir, temp), 'wx');
  writeSync(file, after);
  fsyncSync(file);
  closeSync(file);
  const expected = existsSync(path) ? signatureOf(lstatSync(path, { bigint: true })) : null;
  const place = { dirFd, dir: dirname(path), temp, name: basename(path), expected };
  await store.call('publishFile', { key, ...place, outcome: outcome() });
  tell(`edit ${key}`);
};

const writeMessages = async (writer: number): Promise<never> => {
  for (let n = 0; ; n += 1) {
    const id = `m-${round}-${writer}-${n}`;
    await store.call('storeMessage', message(id));
    tell(`message ${id}`);
  }
};

const editFiles = async (editor: number): Promise<never> => {
  for (let n = 0; ; n += 1) await edit(`${editor}.txt`, `e-${round}-${editor}-${n}`);
};

for (const effect of await store.call('openEffects', {})) await finish(effect);
tell('open');
await Promise.all([...[0, 1, 2].map(writeMessages), ...[0, 1].map(editFiles)]);
