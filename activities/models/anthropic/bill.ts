/**
 * What a Messages stream says that it cost: the input at its beginning, the output at its end.
 *
 * Counts are cumulative, and servers that imitate the API leave some of them at 0 in one of the two
 * places. What must stay true: half a bill is none, since we count better than that ourselves.
 */
import type { Usage } from '../../../workflows/protocol/events.js';
import { asObject } from '../wire/json.js';
import { isTokenCount } from '../wire/token-counts.js';

export class Bill {
  private readonly counts = new Map<keyof Usage, number>();
  private isAbsurd = false;
  private isFinal = false;

  /** `isLast` for what comes with the reason why the model stopped. */
  add(sent: unknown, isLast: boolean): void {
    const usage = asObject(sent);
    this.note('input_tokens', usage['input_tokens']);
    this.note('output_tokens', usage['output_tokens']);
    this.note('cache_creation_input_tokens', usage['cache_creation_input_tokens']);
    this.note('cache_read_input_tokens', usage['cache_read_input_tokens']);
    this.isFinal ||= isLast && isTokenCount(usage['output_tokens']);
  }

  total(): Usage | null {
    const usage: Usage = {
      input_tokens: this.counts.get('input_tokens') ?? 0,
      output_tokens: this.counts.get('output_tokens') ?? 0,
      cache_creation_input_tokens: this.counts.get('cache_creation_input_tokens') ?? 0,
      cache_read_input_tokens: this.counts.get('cache_read_input_tokens') ?? 0,
    };
    const read =
      usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
    return this.isFinal && !this.isAbsurd && read > 0 ? usage : null;
  }

  private note(name: keyof Usage, sent: unknown): void {
    if (sent === undefined || sent === null) return;
    if (!isTokenCount(sent)) this.isAbsurd = true;
    else this.counts.set(name, Math.max(this.counts.get(name) ?? 0, Math.round(sent)));
  }
}
