/**
 * Reads a range of lines from an open file of any size, a chunk at a time.
 *
 * What must stay true: memory is bounded by what is shown and not by the file or its longest line, and
 * bytes that are no text end the reading instead of reaching the model.
 */
import type { FileHandle } from 'node:fs/promises';

import { startOfText, unreadableReason } from './text-format.js';

export interface LineRange {
  /** First line, from 1. */
  readonly offset: number;
  readonly linesMax: number;
  /** Bytes of all lines shown, numbers included. */
  readonly bytesMax: number;
}

export interface LinesRead {
  readonly kind: 'lines';
  /** Numbered, as the model sees them. */
  readonly lines: readonly string[];
  /** Lines of the whole file; null when the end was not looked for. */
  readonly total: number | null;
  readonly endsInBreak: boolean;
}
export type ReadOutcome = LinesRead | { readonly kind: 'unreadable'; readonly reason: string };

const CHUNK_BYTES = 256 * 1024;
const LINE_CHARS_MAX = 2000;
/** A character takes at most four bytes. */
const LINE_BYTES_KEPT = LINE_CHARS_MAX * 4;
const BREAK = 10;

const startOf = (bytes: Buffer): Buffer => {
  if (bytes.length <= LINE_BYTES_KEPT) return bytes;
  let end = LINE_BYTES_KEPT;
  // No character has more than three such bytes: a longer row of them is no text and stays to be seen.
  while (end > LINE_BYTES_KEPT - 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
};

class LineCollector {
  readonly lines: string[] = [];
  /** Number of the line that is being read. */
  private line = 1;
  private bytes = 0;
  private isFull = false;
  private kept: Buffer[] = [];
  private keptBytes = 0;
  private lineBytes = 0;
  private readonly range: LineRange;

  constructor(range: LineRange) {
    this.range = range;
  }

  get isDone(): boolean {
    return this.isFull;
  }

  get total(): number {
    return this.lineBytes > 0 ? this.line : this.line - 1;
  }

  get endsInBreak(): boolean {
    return this.lineBytes === 0;
  }

  /** Returns why the bytes can't be shown, or null. */
  push(chunk: Buffer): string | null {
    if (chunk.includes(0)) return 'is binary (it holds NUL bytes)';
    let start = 0;
    for (let end = chunk.indexOf(BREAK); end >= 0; end = chunk.indexOf(BREAK, start)) {
      this.keep(chunk.subarray(start, end));
      const reason = this.endLine();
      if (reason) return reason;
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
    return null;
  }

  /** The last line, when no line break ends it. */
  finish(): string | null {
    return this.lineBytes > 0 ? this.show() : null;
  }

  private get isShown(): boolean {
    return this.line >= this.range.offset && !this.isFull;
  }

  private keep(part: Buffer): void {
    this.lineBytes += part.length;
    if (!this.isShown || this.keptBytes > LINE_BYTES_KEPT) return;
    // A copy: the chunk's memory is read into again.
    this.kept.push(Buffer.from(part.subarray(0, LINE_BYTES_KEPT + 1)));
    this.keptBytes += part.length;
  }

  private endLine(): string | null {
    const reason = this.isShown ? this.show() : null;
    this.line += 1;
    this.lineBytes = 0;
    this.kept = [];
    this.keptBytes = 0;
    return reason;
  }

  private show(): string | null {
    if (!this.isShown) return null;
    if (this.lines.length >= this.range.linesMax) {
      this.isFull = true;
      return null;
    }
    const bytes = startOf(Buffer.concat(this.kept));
    const reason = unreadableReason(bytes);
    if (reason) return `${reason} (line ${this.line})`;
    const shown = this.numbered(bytes.toString('utf8'));
    const shownBytes = Buffer.byteLength(shown) + 1;
    if (this.lines.length > 0 && this.bytes + shownBytes > this.range.bytesMax) this.isFull = true;
    else this.lines.push(shown);
    this.bytes += shownBytes;
    return null;
  }

  private numbered(whole: string): string {
    const text = whole.replace(this.line === 1 ? /^\uFEFF|\r$/g : /\r$/, '');
    const charsMax = Math.min(LINE_CHARS_MAX, this.range.bytesMax);
    const isCut = text.length > charsMax;
    const end = isCut ? ` … [line cut; all of its ${this.lineBytes} bytes: shell]` : '';
    return `${String(this.line).padStart(6)}\t${isCut ? startOfText(text, charsMax) : text}${end}`;
  }
}

/**
 * `goOn` is asked before each chunk, `isDone` when only the lines behind the range remain to be counted;
 * where it says no the reading ends without a total. What it throws ends it too.
 */
export const readLines = async (
  handle: FileHandle,
  range: LineRange,
  goOn: (position: number, isDone: boolean) => boolean,
): Promise<ReadOutcome> => {
  const collector = new LineCollector(range);
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; goOn(position, collector.isDone);) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    const part = chunk.subarray(0, bytesRead);
    const wide = position === 0 && /^(fffe|feff)/.test(part.subarray(0, 2).toString('hex'));
    const reason = wide ? unreadableReason(part) : bytesRead > 0 && collector.push(part);
    const last = bytesRead > 0 ? null : collector.finish();
    if (reason || last) return { kind: 'unreadable', reason: reason || last || '' };
    const { lines, total, endsInBreak } = collector;
    if (bytesRead === 0) return { kind: 'lines', lines, total, endsInBreak };
    position += bytesRead;
  }
  return { kind: 'lines', lines: collector.lines, total: null, endsInBreak: true };
};
