/**
 * What travels between the store's client and its thread: calls one way, replies the other.
 *
 * Plain data, since errors lose their fields on the way and functions can't go at all. What must stay
 * true: every call gets exactly one reply, or the thread is gone.
 */
import { StoreError, type StoreErrorCode, type StoreOperationName } from './store.js';

export interface StoreCall {
  readonly id: number;
  readonly name: StoreOperationName;
  readonly args: unknown;
  /** On the machine's monotonic clock (`monotonicMs`), which threads share. */
  readonly deadlineMs: number;
}

export interface Refusal {
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly reason: string | null;
}

export type StoreReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly refusal: Refusal };

export type ToThread =
  { readonly kind: 'calls'; readonly calls: readonly StoreCall[] } | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'unopened'; readonly failure: string; readonly message: string }
  | {
      readonly kind: 'replies';
      readonly replies: readonly StoreReply[];
      /** Events committed with them, in commit order. */
      readonly events: readonly { readonly sessionId: string; readonly offset: number }[];
    };

/** What the thread is started with. */
export interface ThreadOptions {
  readonly file: string;
  readonly blobsDir: string;
  readonly backupsDir: string;
  /** Names the backups made by this opening. */
  readonly openedAt: string;
  readonly faultSpec: string | null;
  readonly faultsLog: string | null;
}

export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

export const refuse = (
  call: StoreCall,
  code: StoreErrorCode,
  message: string,
  reason: string | null = null,
): StoreReply => ({ id: call.id, refusal: { code, message: `${call.name}: ${message}`, reason } });

export const errorOf = ({ code, message, reason }: Refusal): StoreError =>
  new StoreError(code, message, reason);

const SHARED_BYTES_MAX = 64 * 1024;

/** A view of a bigger buffer would take the whole buffer along; a big one is better handed over. */
const packOne = (value: unknown, transfers: ArrayBuffer[]): unknown => {
  if (!(value instanceof Uint8Array)) return value;
  const isWhole = value.byteLength === value.buffer.byteLength;
  if (isWhole && value.byteLength < SHARED_BYTES_MAX) return value;
  const copy = new Uint8Array(value);
  transfers.push(copy.buffer);
  return copy;
};

/**
 * Copies the byte arrays of a call or reply so that they can be transferred: the sender keeps its
 * own. Looks at the value itself and one level into it, which is where operations have bytes.
 */
export const packBytes = (value: unknown, transfers: ArrayBuffer[]): unknown => {
  if (value instanceof Uint8Array) return packOne(value, transfers);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const values = Object.entries(value).map(([key, field]) => [key, packOne(field, transfers)]);
  return Object.fromEntries(values);
};
