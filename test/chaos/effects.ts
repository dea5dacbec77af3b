/**
 * The effects of the kill matrix: each a conversation that has one effect, and the proof that it
 * happened exactly once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ChatReply } from '../support/chat-server.js';
import type { Rig } from '../support/rig.js';

export interface ChaosEffect {
  readonly name: string;
  /** The tool that has the effect, as faults name it. */
  readonly tool: 'edit' | 'write' | 'shell' | 'git' | 'read';
  readonly files: Readonly<Record<string, string>>;
  /** Arguments of the call; `folder` is the conversation's own folder in the project. */
  call(folder: string): { readonly name: string; readonly arguments: unknown };
  /** Throws unless the effect happened exactly once. */
  prove(rig: Rig, folder: string): void;
}

const expectText = (rig: Rig, file: string, text: string): void =>
  expect(readFileSync(join(rig.project, file), 'utf8')).toBe(text);

/** A temp file of ours that was left beside its target. */
const expectNoTemps = (rig: Rig, folder: string): void =>
  expect(readdirSync(join(rig.project, folder)).filter((name) => name.startsWith('.lk-'))).toEqual(
    [],
  );

const COUNTED = 'head\ncount: 0\ntail\n';

export const EFFECTS: readonly ChaosEffect[] = [
  {
    name: 'edit',
    tool: 'edit',
    files: { 'counter.txt': COUNTED },
    call: (folder) => ({
      name: 'edit',
      arguments: {
        path: `${folder}/counter.txt`,
        old_string: 'count: 0',
        new_string: 'count: 0 + 1',
      },
    }),
    prove: (rig, folder) => {
      expectText(rig, `${folder}/counter.txt`, COUNTED.replace('count: 0', 'count: 0 + 1'));
      expectNoTemps(rig, folder);
    },
  },
  {
    name: 'write',
    tool: 'write',
    files: { 'keep.txt': 'kept\n' },
    call: (folder) => ({
      name: 'write',
      arguments: { path: `${folder}/new.txt`, content: 'written\n'.repeat(500) },
    }),
    prove: (rig, folder) => {
      expectText(rig, `${folder}/new.txt`, 'written\n'.repeat(500));
      expectNoTemps(rig, folder);
    },
  },
  {
    // No effect at all, but its call rides on the decision that asked for it.
    name: 'read',
    tool: 'read',
    files: { 'keep.txt': 'kept\n' },
    call: (folder) => ({ name: 'read', arguments: { path: `${folder}/keep.txt` } }),
    prove: (rig, folder) => expectText(rig, `${folder}/keep.txt`, 'kept\n'),
  },
  {
    name: 'append',
    tool: 'shell',
    files: { 'keep.txt': 'kept\n' },
    call: (folder) => ({
      name: 'shell',
      arguments: { command: `echo line >> ${folder}/log.txt` },
    }),
    prove: (rig, folder) => expectText(rig, `${folder}/log.txt`, 'line\n'),
  },
  {
    name: 'long command',
    tool: 'shell',
    files: { 'keep.txt': 'kept\n' },
    call: (folder) => ({
      name: 'shell',
      arguments: { command: `sleep 1.5; echo line >> ${folder}/log.txt; echo finished` },
    }),
    prove: (rig, folder) => expectText(rig, `${folder}/log.txt`, 'line\n'),
  },
  {
    name: 'commit',
    tool: 'git',
    files: { 'work.txt': 'before\n' },
    call: (folder) => ({
      name: 'git',
      arguments: {
        operation: 'commit',
        message: `change ${folder}`,
        paths: [`${folder}/made.txt`],
      },
    }),
    prove: (rig, folder) => {
      const log = rig.git('log', '--format=%s', '--all');
      expect(log.split('\n').filter((subject) => subject === `change ${folder}`)).toHaveLength(1);
      expect(rig.git('status', '--porcelain', '--', `${folder}/made.txt`)).toBe('');
      expect(existsSync(join(rig.project, '.git', 'index.lock'))).toBe(false);
    },
  },
];

export const LAST_WORDS = 'all of it is done';

/** Look, act, look again, say so: calls before and after the effect that must not be repeated. */
export const repliesOf = (effect: ChaosEffect, folder: string): readonly ChatReply[] => [
  { calls: [{ name: 'read', arguments: { path: 'README.md' } }] },
  { text: 'acting', calls: [effect.call(folder)] },
  { calls: [{ name: 'read', arguments: { path: 'README.md', limit: 1 } }] },
  { text: LAST_WORDS },
];
