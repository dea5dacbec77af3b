/**
 * The path of a file call: as an argument, and as the subject that permission rules and people judge.
 *
 * What must stay true: `src/../x` is judged as `x`, and the subject fits into history.
 */
import { normalize } from 'node:path';

const CHARS_MAX = 340;
const HALF_CHARACTER = /\p{Surrogate}/gu;

/** At most 1 KB of UTF-8. */
export const subjectOf = (path: string): string =>
  normalize(path).slice(0, CHARS_MAX).replace(HALF_CHARACTER, '');

/** The field all file tools have; longer than any system takes. */
export const PATH_FIELD = { kind: 'string', bytesMax: 4096 } as const;
