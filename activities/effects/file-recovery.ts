/**
 * Finishes a file change whose attempt was cut off: asks the file itself how far it came.
 *
 * The hash of what is there decides: the new content (then only made durable), the old content (then
 * done again from the stored image), or neither. What must stay true: it may itself be cut off and run
 * again at any point, and the file changes at most once.
 */
import { basename, dirname } from 'node:path';

import type { FileSignature } from '../stores/effects-store.js';
import type { CarriedOut } from './effect.js';
import { appliedOutcome, failedOutcome, unknownOutcome } from './file-outcomes.js';
import { factsOf, isPassing, place, settle, type ClaimedChange } from './file-placing.js';
import { codeOf, withFolder, type OpenFolder } from '../open-folder.js';
import { hashFile, openRegularFile, stillSignature } from '../regular-file.js';
import { removeTemp } from './temp-file.js';

type Found =
  | { readonly kind: 'after' }
  | { readonly kind: 'before'; readonly signature: FileSignature | null }
  | { readonly kind: 'other'; readonly evidence: string };

const lookAt = async (folder: OpenFolder, change: ClaimedChange): Promise<Found> => {
  const { preHash, postHash, path } = change.claim;
  const opened = await openRegularFile(folder, basename(path));
  if (opened.kind === 'special') return { kind: 'other', evidence: opened.what };
  if (opened.kind === 'missing')
    return preHash === null
      ? { kind: 'before', signature: null }
      : { kind: 'other', evidence: 'no file at this path' };
  try {
    const signature = await stillSignature(opened.handle);
    const hash = await hashFile(opened.handle);
    if (hash === postHash) {
      await opened.handle.sync();
      await folder.handle.sync();
      return { kind: 'after' };
    }
    if (hash === preHash) return { kind: 'before', signature };
    const { size, mtime } = await opened.handle.stat();
    return {
      kind: 'other',
      evidence: `sha256 ${hash.slice(0, 16)}…, ${size} bytes, modified ${mtime.toISOString()}`,
    };
  } finally {
    await opened.handle.close();
  }
};

/** Looks, and removes the temporary file: what is begun again begins with a new one. */
const findOut = async (change: ClaimedChange): Promise<Found> => {
  try {
    const where = { root: change.root, dir: dirname(change.claim.path) };
    return await withFolder(where, async (folder) => {
      const found = await lookAt(folder, change);
      await removeTemp(folder, change.claim);
      return found;
    });
  } catch (error) {
    if (isPassing(error)) throw error;
    // The folders of a new file are made by the act itself, so without them it has not happened.
    if (codeOf(error) === 'ENOENT' && change.claim.preHash === null)
      return { kind: 'before', signature: null };
    return { kind: 'other', evidence: `it can't be looked at (${codeOf(error)})` };
  }
};

/** The caller holds the path's turn and has seen that the claim is open. */
export const finishFileChange = async (change: ClaimedChange): Promise<CarriedOut> => {
  const found = await findOut(change);
  switch (found.kind) {
    case 'after':
      return settle(change, appliedOutcome(factsOf(change)));
    case 'other':
      return settle(change, unknownOutcome(factsOf(change), found.evidence));
    case 'before': {
      const content = await change.store.call('readPostImage', { key: change.key });
      if (content) return place(change, content, found.signature);
      return settle(change, failedOutcome(factsOf(change), 'the stored content is gone'));
    }
  }
};
