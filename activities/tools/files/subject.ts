/**
 * The path of a file call: as an argument, and as the subject that permission rules and people judge.
 *
 * What must stay true: `src/../x` is judged as `x`, and the whole path is judged: were it cut to fit
 * into history, a rule that denies `*.env` would not see how a long one ends.
 */
import { normalize } from 'node:path';

/** As short as its path, since a detour is dropped and nothing added. */
export const subjectOf = (path: string): string => normalize(path);

/** The field all file tools have; what fits into a subject. */
export const PATH_FIELD = { kind: 'string', bytesMax: 1000 } as const;
