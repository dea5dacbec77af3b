/**
 * One request to the daemon and its JSON answer, on a connection of its own.
 *
 * `node:http` and not `fetch`, which costs a tenth of a second to load. What must stay true: only
 * loopback is ever asked, and the token goes nowhere else.
 */
import { request } from 'node:http';

export interface DaemonRequest {
  readonly port: number;
  readonly path: string;
  readonly token?: string;
  readonly timeoutMs: number;
}

export interface DaemonAnswer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** Rejects when nothing answers in time or the answer is no JSON. */
export const askDaemon = <Body>(ask: DaemonRequest): Promise<DaemonAnswer<Body>> =>
  new Promise((resolve, reject) => {
    const { port, path, token, timeoutMs } = ask;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const outgoing = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('error', reject);
      answer.once('end', () => {
        clearTimeout(timer);
        try {
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Body });
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), timeoutMs);
    outgoing.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.end();
  });
