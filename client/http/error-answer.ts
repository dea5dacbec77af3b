/**
 * Turns whatever was thrown into the one error answer of the wire, with an exit code.
 *
 * What must stay true: a failure of ours shows no stack and no path of our code, and an answer that
 * says "again" (503) is given only for what may be repeated.
 */
import { isStoreError, type StoreErrorCode } from '../../activities/stores/store.js';
import { isConfigError } from '../../config/config-error.js';
import { isRefusal } from '../refusal.js';
import type { ErrorBody } from './wire.js';

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  /** True when nobody foresaw it: belongs into the log. */
  readonly isOurs: boolean;
}

const answer = (
  status: number,
  kind: string,
  said: { readonly message: string; readonly cure: string },
  exitCode: number,
): ErrorAnswer => ({
  status,
  body: { error: { kind, message: said.message, cure: said.cure, exit_code: exitCode } },
  isOurs: false,
});

const AGAIN = 'Repeat the command';
const storeAnswers: Readonly<
  Partial<Record<StoreErrorCode, { status: number; kind: string; message: string; cure: string }>>
> = {
  FULL: {
    status: 507,
    kind: 'disk_full',
    message: 'the disk that holds LOOMKIN_HOME is full',
    cure: 'Free some space; sessions go on from where they are',
  },
  BUSY: { status: 503, kind: 'store_busy', message: 'the store is busy', cure: AGAIN },
  OVERLOADED: { status: 503, kind: 'store_busy', message: 'the store is busy', cure: AGAIN },
  FENCED: { status: 503, kind: 'restarting', message: 'the daemon is being replaced', cure: AGAIN },
  GONE: { status: 503, kind: 'restarting', message: 'the daemon is shutting down', cure: AGAIN },
};

export const errorAnswer = (error: unknown): ErrorAnswer => {
  if (isRefusal(error)) return answer(error.status, error.kind, error, error.exitCode);
  if (isConfigError(error)) return answer(400, error.kind, error, error.exitCode);
  const known = isStoreError(error) ? storeAnswers[error.code] : undefined;
  if (known) return answer(known.status, known.kind, known, 1);
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' && storeAnswers.FULL) return answer(507, 'disk_full', storeAnswers.FULL, 1);
  const said = { message: 'the daemon failed at this request', cure: 'See logs/daemon.log' };
  return { ...answer(500, 'internal', said, 1), isOurs: true };
};
