/**
 * Names and ids as every API takes them: a whole request is refused, now and for ever after, for one it
 * can't read.
 *
 * What must stay true: the same name or id always gives the same bytes.
 */
const unreadable = /[^A-Za-z0-9_-]/g;

/** Of a call that another model made, or that came without an id of its own. */
export const wireId = (callId: string): string => `call_${callId.replace(unreadable, '_')}`;

export const wireName = (name: string, charsMax: number): string =>
  name.replace(unreadable, '_').slice(0, charsMax) || 'unnamed';
