/**
 * The output items of one answer, put together from the events of its stream.
 *
 * Events belong to an item by `output_index`: there are servers whose `item_id` differs in every event,
 * and others that use one index twice, which only the id tells apart. What must stay true: an item that
 * was sent as a whole is kept word for word, whatever its pieces were.
 */
import { asList, asObject, asText, type Json } from '../wire/json.js';

/** What streams in pieces, and the type of the item it is a piece of. */
const ITEM_OF: Readonly<Record<string, string>> = {
  output_text: 'message',
  refusal: 'message',
  reasoning_summary_text: 'reasoning',
  reasoning_text: 'reasoning',
  function_call_arguments: 'function_call',
};
const PIECE = new RegExp(`^response\\.(${Object.keys(ITEM_OF).join('|')})\\.(delta|done)$`);

interface Slot {
  readonly index: unknown;
  item: Json;
  /** The server sent it as a whole. */
  isDone: boolean;
  readonly pieces: Record<string, string>;
}

export interface Piece {
  readonly kind: string;
  readonly text: string;
  /** Differs for each item. */
  readonly of: unknown;
}

/** Some servers send the arguments as the object they describe. */
export const rawOf = ({ arguments: sent }: Json): string =>
  typeof sent === 'object' && sent !== null ? JSON.stringify(sent) : asText(sent);

/** The texts of an item's parts of this type. */
export const textsIn = (parts: unknown, type: string, field = 'text'): readonly string[] =>
  asList(parts)
    .map(asObject)
    .filter((part) => part['type'] === type)
    .map((part) => asText(part[field]));

/** An item that was never sent as a whole. */
const assembled = ({ item, pieces }: Slot): Json => {
  const part = (kind: string, type: string, field = 'text') =>
    pieces[kind] === undefined ? [] : [{ type, [field]: pieces[kind] }];
  switch (item['type']) {
    case 'message': {
      const refusal = part('refusal', 'refusal', 'refusal');
      const content = [...part('output_text', 'output_text'), ...refusal];
      return { ...item, role: 'assistant', content };
    }
    case 'function_call':
      return { ...item, arguments: pieces['function_call_arguments'] ?? rawOf(item) };
    case 'reasoning': {
      const summary = part('reasoning_summary_text', 'summary_text');
      return { ...item, summary, content: part('reasoning_text', 'reasoning_text') };
    }
    default:
      return item;
  }
};

const orderOf = ({ index }: Slot): number =>
  typeof index === 'number' ? index : Number.MAX_SAFE_INTEGER;

const placesOf = (event: Json, { type, id }: Json): readonly [exact: string, near: string] => {
  const near = JSON.stringify([event['output_index'], type]);
  return [`${near} ${asText(id)}`, near];
};

export class OutputItems {
  private readonly slots: Slot[] = [];
  /** By index, type and id, and the last one by index and type alone. */
  private readonly places = new Map<string, Slot>();

  begin(event: Json): void {
    const item = asObject(event['item']);
    const known = this.find(event, item);
    if (!known || known.isDone || known.item['id'] !== item['id']) this.open(event, item);
  }

  end(event: Json): void {
    const item = asObject(event['item']);
    const known = this.find(event, item);
    const slot = known && !known.isDone ? known : this.open(event, item);
    slot.item = item;
    slot.isDone = true;
  }

  /** Takes in a piece; null for an event that is none, or that brings nothing new. */
  addPiece(event: Json): Piece | null {
    const [, kind = '', form] = PIECE.exec(asText(event['type'])) ?? [];
    if (kind === '') return null;
    const of = { type: ITEM_OF[kind], id: event['item_id'] };
    const slot = this.find(event, of) ?? this.open(event, of);
    const before = slot.pieces[kind] ?? '';
    const whole = event['text'] ?? event['refusal'] ?? event['arguments'];
    const text = asText(form === 'delta' ? event['delta'] : whole);
    if (slot.isDone || (form === 'done' && before !== '')) return null;
    slot.pieces[kind] = before + text;
    return { kind, text, of: slot };
  }

  /** All items in the model's order; `final` is what the last event says they are, or empty. */
  made(final: readonly unknown[]): readonly Json[] {
    const inOrder = this.slots.toSorted((a, b) => orderOf(a) - orderOf(b));
    if (final.length < inOrder.length)
      return inOrder.map((slot) => (slot.isDone ? slot.item : assembled(slot)));
    const done = this.doneByIndex();
    return final.map((sent, index) => {
      const item = asObject(sent);
      const own = done.get(index);
      return own && own['type'] === item['type'] ? own : item;
    });
  }

  /** Items sent as a whole, but for those whose index another one has as well. */
  private doneByIndex(): ReadonlyMap<unknown, Json> {
    const found = new Map<unknown, Json>();
    for (const { index, item, isDone } of this.slots)
      if (isDone) found.set(index, found.has(index) ? {} : item);
    return found;
  }

  private open(event: Json, item: Json): Slot {
    const slot = { index: event['output_index'], item, isDone: false, pieces: {} };
    this.slots.push(slot);
    for (const place of placesOf(event, item)) this.places.set(place, slot);
    return slot;
  }

  private find(event: Json, item: Json): Slot | undefined {
    const [exact, near] = placesOf(event, item);
    return this.places.get(exact) ?? this.places.get(near);
  }
}
