/**
 * Puts an answer together from the events of a Messages stream.
 *
 * Signed thinking is only taken back as it was sent, and blocks that we don't know may matter to the
 * model that wrote them. What must stay true: every block is kept in its place with all its members,
 * and the arguments of a call stay word for word what the model sent, JSON or not.
 */
import { parseArguments } from '../../arguments-hash.js';
import type { ModelAnswer } from '../provider.js';
import { Bill } from './bill.js';
import { asList, asObject, asText, type Json } from '../wire/json.js';
import { isCallBlock, NATIVE_TYPE } from './messages.js';

interface Slot {
  readonly index: unknown;
  readonly block: Record<string, unknown>;
  /** Arguments as they came in pieces. */
  raw: string;
}

/** Blocks whose beginning a server left out, by the kind of their pieces. */
const BEGINNINGS: Readonly<Record<string, Json>> = {
  text_delta: { type: 'text', text: '' },
  thinking_delta: { type: 'thinking', thinking: '' },
  input_json_delta: { type: 'tool_use', id: '', name: '', input: {} },
};

/** Events that we don't know are kept for who looks into a transcript; a flood of them is not. */
const UNKNOWN_EVENTS_MAX = 20;

const textOf = (block: Json): string => (block['type'] === 'text' ? asText(block['text']) : '');

/** Some servers send the arguments whole, with the beginning of the block. */
const rawOf = ({ block, raw }: Slot): string => {
  const input = block['input'];
  if (raw !== '' || input === undefined || input === null) return raw;
  if (typeof input === 'string') return input;
  return JSON.stringify(input) === '{}' ? '' : JSON.stringify(input);
};

/** Members that come in pieces are texts; a signature comes whole. */
const extend = (block: Record<string, unknown>, delta: Json): void => {
  const { type, ...members } = delta;
  if (type === 'citations_delta') {
    block['citations'] = [...asList(block['citations']), delta['citation']];
    return;
  }
  for (const [name, piece] of Object.entries(members)) {
    if (name === 'type' || typeof piece !== 'string') continue;
    block[name] = type === 'signature_delta' ? piece : asText(block[name]) + piece;
  }
};

export class AnswerBuilder {
  private readonly slots: Slot[] = [];
  private readonly unknown: unknown[] = [];
  private readonly bill = new Bill();
  private isEnded = false;
  private stopReason: string | null = null;
  /** What the provider's filter says about itself. */
  stopDetails: Json = {};

  /** True once the provider said why it stopped: nothing of the answer is missing. */
  isWhole(): boolean {
    return this.isEnded || this.stopReason !== null;
  }

  /** Takes one event in and returns the text it brought. */
  add(event: unknown): string {
    const fields = asObject(event);
    switch (fields['type']) {
      case 'message_start':
        return this.addMessage(asObject(fields['message']), false);
      // A server that does not stream sends the message itself.
      case 'message':
        return this.addMessage(fields, true);
      case 'content_block_start':
        return this.begin(fields['index'], asObject(fields['content_block']));
      case 'content_block_delta':
        return this.addDelta(fields['index'], asObject(fields['delta']));
      case 'message_delta':
        return this.stop(asObject(fields['delta']), fields['usage']);
      case 'message_stop':
        this.isEnded = true;
        return '';
      case 'content_block_stop':
      case 'ping':
        return '';
      default:
        if (this.unknown.length < UNKNOWN_EVENTS_MAX) this.unknown.push(event);
        return '';
    }
  }

  build(fallbackId: string): ModelAnswer {
    const called = this.slots.filter(({ block }) => isCallBlock(block));
    const thought = this.slots.filter(({ block }) => block['type'] === 'thinking');
    return {
      text: this.slots.map(({ block }) => textOf(block)).join(''),
      thinking: thought.map(({ block }) => asText(block['thinking'])).join(''),
      calls: called.map((slot) => ({ name: asText(slot.block['name']), raw: rawOf(slot) })),
      stopReason: this.stopReason,
      usage: this.bill.total(),
      native: this.nativeOf(called, fallbackId),
    };
  }

  private addMessage(message: Json, isAll: boolean): string {
    const texts = asList(message['content']).map((block) => this.begin(null, asObject(block)));
    if (isAll) this.stop(message, message['usage']);
    else this.bill.add(message['usage'], false);
    this.isEnded ||= isAll;
    return texts.join('');
  }

  private begin(index: unknown, block: Json): string {
    if (asText(block['type']) !== '') this.slots.push({ index, block: { ...block }, raw: '' });
    return textOf(block);
  }

  private addDelta(index: unknown, delta: Json): string {
    const slot = this.slotOf(index, asText(delta['type']));
    if (!slot) return '';
    if (delta['type'] === 'input_json_delta') slot.raw += asText(delta['partial_json']);
    else extend(slot.block, delta);
    return delta['type'] === 'text_delta' ? textOf({ ...delta, type: slot.block['type'] }) : '';
  }

  /** The block that a piece belongs to: the last one that began in its place. */
  private slotOf(index: unknown, kind: string): Slot | undefined {
    const isPlace = (slot: Slot): boolean => index === undefined || slot.index === index;
    const known = this.slots.findLast(isPlace);
    if (known || !Object.hasOwn(BEGINNINGS, kind)) return known;
    this.begin(index, asObject(BEGINNINGS[kind]));
    return this.slots.at(-1);
  }

  private stop(delta: Json, usage: unknown): string {
    this.bill.add(usage, true);
    this.stopReason = asText(delta['stop_reason']) || this.stopReason;
    this.stopDetails = asObject(delta['stop_details']);
    return '';
  }

  /** Ids that are missing or used twice would make the results of calls ambiguous. */
  private nativeOf(called: readonly Slot[], fallbackId: string): unknown {
    const ids = new Set(called.map(({ block }) => asText(block['id'])));
    const areUsable = !ids.has('') && ids.size === called.length;
    const content = this.slots.map((slot) => {
      const place = called.indexOf(slot);
      const input = parseArguments(rawOf(slot)) ?? {};
      if (place < 0) return slot.raw === '' ? slot.block : { ...slot.block, input };
      const id = areUsable ? slot.block['id'] : `call_${fallbackId}_${place}`;
      return { ...slot.block, id, input };
    });
    const unknown = this.unknown.length === 0 ? {} : { unknown: this.unknown };
    return { type: NATIVE_TYPE, content, ...unknown };
  }
}
