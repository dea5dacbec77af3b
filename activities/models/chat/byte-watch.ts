/**
 * A `fetch` that notices when a server falls silent, and when its stream was cut.
 *
 * Bytes are watched, not chunks: a server that sends keep-alive comments while it thinks is alive.
 * What must stay true: the timer never outlives the response, and a stream without its end mark is
 * told apart from a whole one.
 */
type Fetch = typeof fetch;

/** More than any model's answer: a server that never ends is not read for ever. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
const END_MARK = /data:\s*\[DONE\]\s*$/;
const TAIL_BYTES = 64;

export interface ByteWatch {
  readonly fetch: Fetch;
  readonly signal: AbortSignal;
  /** Why the watch ended the response; null while it did not. */
  ended(): 'stall' | 'endless answer' | null;
  sawEndMark(): boolean;
  /** True once a byte of an answer came in. */
  hasBegun(): boolean;
  stop(): void;
}

/** A server that ignores `stream` answers with one JSON document: read as a stream of one event. */
const asEventStream = async (response: Response): Promise<Response> => {
  const document = (await response.text()).replace(/\s*[\r\n]\s*/g, ' ');
  const headers = { 'content-type': 'text/event-stream' };
  return new Response(`data: ${document}\n\ndata: [DONE]\n\n`, { headers });
};

export const watchBytes = (stallMs: number): ByteWatch => {
  const controller = new AbortController();
  let ended: 'stall' | 'endless answer' | null = null;
  let timer: NodeJS.Timeout | undefined;
  let tail = '';
  let bytes = 0;
  let isWhole = false;

  const end = (why: 'stall' | 'endless answer'): void => {
    ended ??= why;
    controller.abort(new Error(why));
  };
  const stop = (): void => clearTimeout(timer);
  const rearm = (): void => {
    stop();
    timer = setTimeout(() => end('stall'), stallMs);
  };
  const note = (chunk: Uint8Array): void => {
    rearm();
    bytes += chunk.byteLength;
    tail = (tail + Buffer.from(chunk.subarray(-TAIL_BYTES)).toString('latin1')).slice(-TAIL_BYTES);
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
      const response = watched(await fetch(url, init));
      const isDocument = response.headers.get('content-type')?.includes('application/json');
      if (!response.ok || !isDocument) return response;
      const events = await asEventStream(response);
      isWhole = true;
      return events;
    },
    ended: () => ended,
    sawEndMark: () => isWhole || END_MARK.test(tail),
    hasBegun: () => bytes > 0,
    stop,
  };
};
