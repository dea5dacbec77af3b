/**
 * Which `fetch` a request goes by: Node's own, or one that knows proxies and long silences.
 *
 * Node's own takes no proxy and gives up after five minutes of silence. What must stay true: the
 * caller's variables decide and not the daemon's, a server on this machine is never asked by way of a
 * proxy, and who needs neither does not pay for it.
 */
import type { Dispatcher } from 'undici';

type Fetch = typeof fetch;

export interface WayOut {
  /** The caller's environment; of it HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, in either case. */
  readonly env: Readonly<Record<string, string>>;
  /** How long a silence may last at most. */
  readonly stallMs: number;
}

export interface Proxies {
  readonly http: string;
  readonly https: string;
  readonly no: string;
}

/** Node's own limit on a wait for headers, and between two pieces of a body. */
const OWN_SILENCE_MS = 300_000;
const OF_THIS_MACHINE = 'localhost,127.0.0.1,[::1],::1';

const variable = (env: WayOut['env'], name: string): string =>
  (env[name.toLowerCase()] || env[name.toUpperCase()] || '').trim();

/** Null where the caller has none. */
export const proxiesIn = (env: WayOut['env']): Proxies | null => {
  const [http, https] = [variable(env, 'http_proxy'), variable(env, 'https_proxy')];
  if (http === '' && https === '') return null;
  const no = variable(env, 'no_proxy');
  return { http, https, no: no === '*' ? no : [no, OF_THIS_MACHINE].filter(Boolean).join(',') };
};

/** The proxy of such an address for messages, without its password; null when there is none. */
export const proxyName = (env: WayOut['env'], url: string): string | null => {
  const proxies = proxiesIn(env);
  const proxy = url.startsWith('https:') ? proxies?.https : proxies?.http;
  if (!proxy) return null;
  return URL.canParse(proxy) ? new URL(proxy).host : 'a proxy that is no URL';
};

/** One for each set of variables: connections are used again. */
const dispatchers = new Map<string, Promise<Dispatcher>>();

const open = async (proxies: Proxies | null): Promise<Dispatcher> => {
  const { Agent, EnvHttpProxyAgent } = await import('undici');
  // The stall watch limits silences.
  const patient = { headersTimeout: 0, bodyTimeout: 0 };
  if (proxies === null) return new Agent(patient);
  const { http, https, no } = proxies;
  return new EnvHttpProxyAgent({ ...patient, httpProxy: http, httpsProxy: https, noProxy: no });
};

export const fetchBy = ({ env, stallMs }: WayOut): Fetch => {
  const proxies = proxiesIn(env);
  if (proxies === null && stallMs < OWN_SILENCE_MS) return fetch;
  const key = JSON.stringify(proxies);
  return (async (url: string | URL, init?: RequestInit) => {
    const opened = dispatchers.get(key) ?? open(proxies);
    dispatchers.set(key, opened);
    const [{ fetch: throughUndici }, dispatcher] = await Promise.all([import('undici'), opened]);
    return throughUndici(url, { ...(init as object), dispatcher });
  }) as unknown as Fetch;
};
