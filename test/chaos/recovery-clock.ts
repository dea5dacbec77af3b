/**
 * Measures how long after a kill the work goes on: the next activity that Temporal hands out.
 *
 * It looks into the store from outside, read-only, for a key in `in_flight` that was not there at the
 * kill, and at the model server for a request. What must stay true: it never writes.
 */
import { join } from 'node:path';

import Database from 'better-sqlite3';

import type { Rig } from '../support/rig.js';

const LOOK_MS = 5;

const runningKeys = (home: string): readonly string[] => {
  const db = new Database(join(home, 'loomkin.db'), { readonly: true, timeout: 50 });
  try {
    const rows = db.prepare('select activity_key as key from in_flight').all();
    return (rows as { key: string }[]).map(({ key }) => key);
  } finally {
    db.close();
  }
};

/** Starts at the moment of the kill; resolves with the time until work goes on. */
export const timeRecovery = (rig: Rig): { readonly done: Promise<number>; stop(): void } => {
  const startedAt = performance.timeOrigin + performance.now();
  const before = new Set(runningKeys(rig.home));
  const requests = rig.chat.records.length;
  let timer: NodeJS.Timeout | undefined;
  const done = new Promise<number>((resolve) => {
    const look = (): void => {
      const now = performance.timeOrigin + performance.now();
      const request = rig.chat.records[requests];
      if (request) resolve(request.receivedAtMs - startedAt);
      else if (isNewKey()) resolve(now - startedAt);
      else timer = setTimeout(look, LOOK_MS);
    };
    const isNewKey = (): boolean => {
      try {
        return runningKeys(rig.home).some((key) => !before.has(key));
      } catch {
        return false;
      }
    };
    look();
  });
  return { done, stop: () => clearTimeout(timer) };
};
