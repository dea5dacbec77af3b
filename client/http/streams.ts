/**
 * All event streams that are open: counts who watches which session, and ends them together.
 *
 * A daemon that is asked to stop must not wait for clients that never leave; they come back by offset.
 * What must stay true: a stream is counted exactly as long as it is open.
 */
import type { ServerResponse } from 'node:http';

import { streamEvents, type StreamSources } from './event-stream.js';

export interface Streams {
  /** Resolves when the stream is over. */
  open(response: ServerResponse, sessionId: string, from: number | 'now'): Promise<void>;
  attachedTo(sessionId: string): number;
  endAll(): void;
}

export const makeStreams = (sources: StreamSources): Streams => {
  const open = new Map<ServerResponse, string>();
  return {
    open: async (response, sessionId, from) => {
      open.set(response, sessionId);
      try {
        response.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        response.flushHeaders();
        await streamEvents(response, sources, sessionId, from);
      } finally {
        open.delete(response);
        response.destroy();
      }
    },
    attachedTo: (sessionId) => [...open.values()].filter((id) => id === sessionId).length,
    endAll: () => {
      for (const response of open.keys()) {
        // A reader that does not read would never see the end.
        if (response.writableNeedDrain) response.destroy();
        else response.end();
      }
    },
  };
};
