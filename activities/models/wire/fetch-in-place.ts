/**
 * A `fetch` that stays with the server it was sent to, and whose refusals all say why in the same field.
 *
 * Following a redirect to another host would hand it our headers and the whole conversation. What must
 * stay true: nothing is sent to a server that the settings don't name.
 */
type Fetch = typeof fetch;

const REDIRECTS_MAX = 5;
/** Others would turn our request into one without a body. */
const KEEPING_METHOD = [307, 308];

const respond = (body: unknown, { status, headers }: Response): Response =>
  new Response(JSON.stringify(body), { status, headers });

/** Where a redirect leads; null when the response is none. */
const targetOf = (response: Response, from: URL): URL | null => {
  const location = response.headers.get('location');
  if (response.status < 300 || response.status >= 400 || location === null) return null;
  return URL.canParse(location, from.href) ? new URL(location, from) : null;
};

/** `send` is how one request goes out. */
export const fetchInPlace =
  (send: Fetch): Fetch =>
  async (asked, init) => {
    const first = new URL(asked instanceof Request ? asked.url : asked);
    let url = first;
    for (let hops = 0; ; hops += 1) {
      const response = await send(url, { ...init, redirect: 'manual' });
      const target = targetOf(response, url);
      if (target === null) return response;
      await response.body?.cancel();
      const isFollowed = KEEPING_METHOD.includes(response.status) && target.origin === first.origin;
      if (!isFollowed || hops === REDIRECTS_MAX) {
        const message = `it redirects to ${target.origin}${target.pathname}, which is not followed; correct base_url`;
        return respond({ error: { message } }, response);
      }
      url = target;
    }
  };

/** The SDK reads `error` of an object alone; servers also send lists, bare messages and details. */
export const withPlainError = async (response: Response): Promise<Response> => {
  const { status, headers } = response;
  const text = await response.text();
  try {
    const parsed = JSON.parse(text) as unknown;
    const body: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    const hasError = typeof body === 'object' && body !== null && 'error' in body;
    return respond(hasError ? body : { error: body }, response);
  } catch {
    return new Response(text, { status, headers });
  }
};
