/**
 * Why a store can't be opened, in words for whoever started the program.
 *
 * What must stay true: the message names the file and what to do; `kind` is what programs go by.
 */

/**
 * - `newer`: written by a newer Loomkin; left as it is
 * - `older`: a reader met a schema that only a writer may migrate
 * - `damaged`: not a sound database; its bytes were copied to the backups folder
 * - `unwritable`: the file or its folder can't be opened or written
 * - `full`: the disk is full
 */
export type OpenErrorKind = 'newer' | 'older' | 'damaged' | 'unwritable' | 'full';

export class StoreOpenError extends Error {
  readonly kind: OpenErrorKind;
  constructor(kind: OpenErrorKind, message: string) {
    super(message);
    this.name = 'StoreOpenError';
    this.kind = kind;
  }
}
