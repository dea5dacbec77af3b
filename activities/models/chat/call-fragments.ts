/**
 * Puts tool calls together from the fragments of a stream.
 *
 * Servers differ in how they say which call a fragment belongs to: by index, by id, by both, or not at
 * all. What must stay true: fragments of one call are never mixed with those of another.
 */
import { parseArguments } from '../../arguments-hash.js';
import { asText } from '../wire/json.js';

export interface CallSlot {
  id: string;
  name: string;
  raw: string;
  readonly index: number | null;
  /** Fields we don't know, such as a signature of its thinking: sent back as they came. */
  readonly extra: Record<string, unknown>;
}

type Fragment = Readonly<CallSlot>;
type Fields = Readonly<Record<string, unknown>>;

const fragmentOf = (delta: Fields): Fragment => {
  const { index, id, type: _type, function: called, ...extra } = delta;
  const { name, arguments: sent } = (called ?? {}) as Fields;
  return {
    index: typeof index === 'number' ? index : null,
    id: asText(id),
    name: asText(name),
    // Some servers send the arguments as the object they describe.
    raw: typeof sent === 'object' && sent !== null ? JSON.stringify(sent) : asText(sent),
    extra,
  };
};

const isWhole = ({ raw }: CallSlot): boolean => raw !== '' && parseArguments(raw) !== null;

/** Whether a fragment begins a call although it could go on with `last`. */
const beginsAnother = (last: CallSlot, { index, id, name, raw }: Fragment): boolean => {
  if (id !== '') return last.id !== '' && last.id !== id;
  if (name === '' || last.name === '') return false;
  return index === null || (raw !== '' && isWhole(last));
};

export class CallFragments {
  private readonly calls: CallSlot[] = [];

  add(delta: Fields): void {
    const fragment = fragmentOf(delta);
    const { index, id, name, raw, extra } = fragment;
    const known = this.continued(fragment);
    const call = known ?? { id, name: '', raw: '', index, extra: {} };
    if (!known) this.calls.push(call);
    call.id ||= id;
    call.name = name || call.name;
    call.raw += raw;
    Object.assign(call.extra, extra);
  }

  /** In the order in which they began; a place that nothing was ever said of is no call. */
  made(): readonly CallSlot[] {
    return this.calls.filter(({ id, name, raw }) => `${id}${name}${raw}` !== '');
  }

  /** The call that a fragment goes on with; undefined when it begins another one. */
  private continued(fragment: Fragment): CallSlot | undefined {
    const { index, id } = fragment;
    const isPlace = (call: CallSlot): boolean => index === null || call.index === index;
    const same = this.calls.findLast((call) => id !== '' && call.id === id && isPlace(call));
    if (same) return same;
    const last = this.calls.findLast(isPlace);
    return last && !beginsAnother(last, fragment) ? last : undefined;
  }
}
