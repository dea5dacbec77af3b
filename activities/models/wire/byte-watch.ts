/**
 * A `fetch` that notices when a server falls silent, and when its stream was cut.
 *
 * Bytes are watched, not chunks: a server that sends keep-alive comments while it thinks is alive.
 * What must stay true: the timer never outlives the response, and a stream without its end mark is
 * told apart from a whole one.
 */
import { fetchInPlace, withPlainError } from './fetch-in-place.js';

type Fetch = typeof fetch;

/** More than any model's answer: a server that never ends is not read for ever. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
const TAIL_BYTES = 64;
/** How long a server may keep a stream open that it has ended; it's waited for to use the connection again. */
export const AFTER_END_MS = 1_000;

export interface ByteWatch {
  readonly fetch: Fetch;
  readonly signal: AbortSignal;
  /** Why the watch ended the response; null while it did not. */
  ended(): 'stall' | 'endless answer' | null;
  sawEndMark(): boolean;
  /** True once a byte of an answer came in. */
  hasBegun(): boolean;
  /** True for a web page in the place of an answer. */
  isPage(): boolean;
  stop(): void;
}

export interface WatchOptions {
  readonly stallMs: number;
  /** How one request goes out. */
  readonly send: Fetch;
  /** Fits the last bytes of a whole stream: from the beginning of a line, where no text of a model can be. */
  readonly endMark: RegExp;
  /** What a server that ignores `stream` and sends one JSON document would have sent; null = take it as it is. */
  readonly asStream: ((document: string) => string) | null;
}

export const watchBytes = ({ stallMs, send, endMark, asStream }: WatchOptions): ByteWatch => {
  const controller = new AbortController();
  let ended: 'stall' | 'endless answer' | null = null;
  let timer: NodeJS.Timeout | undefined;
  let tail = '\n';
  let bytes = 0;
  let isWhole = false;
  let isPage = false;

  const end = (why: 'stall' | 'endless answer'): void => {
    ended ??= why;
    controller.abort(new Error(why));
  };
  const sawEndMark = (): boolean => isWhole || endMark.test(tail);
  const stop = (): void => clearTimeout(timer);
  const rearm = (): void => {
    stop();
    const waitMs = sawEndMark() ? Math.min(stallMs, AFTER_END_MS) : stallMs;
    timer = setTimeout(() => end('stall'), waitMs);
  };
  const note = (chunk: Uint8Array): void => {
    bytes += chunk.byteLength;
    tail = (tail + Buffer.from(chunk.subarray(-TAIL_BYTES)).toString('latin1')).slice(-TAIL_BYTES);
    rearm();
    if (bytes > ANSWER_BYTES_MAX) end('endless answer');
  };
  const watched = (response: Response): Response => {
    if (!response.body) return response;
    const { status, statusText, headers } = response;
    const transform = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, stream) {
        note(chunk);
        stream.enqueue(chunk);
      },
      flush: stop,
    });
    return new Response(response.body.pipeThrough(transform), { status, statusText, headers });
  };

  return {
    signal: controller.signal,
    async fetch(url, init) {
      rearm();
      const response = watched(await fetchInPlace(send)(url, init));
      if (!response.ok) return withPlainError(response);
      const contentType = (response.headers.get('content-type') ?? '').toLowerCase();
      isPage = contentType.includes('text/html');
      if (asStream === null || !contentType.includes('application/json')) return response;
      const events = asStream((await response.text()).replace(/[\r\n]/g, ' '));
      isWhole = true;
      return new Response(events, { headers: { 'content-type': 'text/event-stream' } });
    },
    ended: () => ended,
    sawEndMark,
    hasBegun: () => bytes > 0,
    isPage: () => isPage,
    stop,
  };
};
