/**
 * The subject of a call that runs something: what rules and people judge, in at most 1 KB. Pure.
 *
 * What must stay true: two different commands never have the same subject, however long they are,
 * or permission for one would be permission for the other.
 */
import { createHash } from 'node:crypto';

import { headOfText } from '../cut-text.js';

const SUBJECT_BYTES_MAX = 1000;

/** Short texts as they are; long ones cut, with the hash of the whole in parentheses (no rule's prefix covers those). */
export const subjectOf = (text: string): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= SUBJECT_BYTES_MAX) return text;
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const suffix = ` … (${bytes.length} bytes, sha256 ${hash})`;
  return `${headOfText(bytes, SUBJECT_BYTES_MAX - Buffer.byteLength(suffix) - 3)}${suffix}`;
};
