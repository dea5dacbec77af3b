/**
 * Server-sent events out of the chunks of a response.
 *
 * What must stay true: an event whose end did not come is never handed out, and the work for an event
 * grows with its size and not with the square of it.
 */
export interface ServerSentEvent {
  readonly name: string;
  readonly id: string | null;
  readonly data: string;
}

export class EventReader {
  private rest: string[] = [];
  private name = 'message';
  private id: string | null = null;
  private data: string[] = [];

  /** The events that this chunk completes. */
  *push(chunk: string): Generator<ServerSentEvent> {
    for (const line of this.wholeLines(chunk)) {
      const event = this.read(line);
      if (event !== null) yield event;
    }
  }

  /** Null until the empty line that ends an event with data; comments and unknown fields pass by. */
  private read(line: string): ServerSentEvent | null {
    if (line === '') return this.complete();
    const value = (field: string): string =>
      line.slice(line[field.length] === ' ' ? field.length + 1 : field.length);
    if (line.startsWith('data:')) this.data.push(value('data:'));
    else if (line.startsWith('event:')) this.name = value('event:');
    else if (line.startsWith('id:')) this.id = value('id:');
    return null;
  }

  private complete(): ServerSentEvent | null {
    const { name, id, data } = this;
    [this.name, this.id, this.data] = ['message', null, []];
    return data.length > 0 ? { name, id, data: data.join('\n') } : null;
  }

  private wholeLines(chunk: string): readonly string[] {
    const lines = chunk.split('\n');
    // Joined once, when its end has come: a line of megabytes comes in a thousand chunks.
    this.rest.push(lines.pop() ?? '');
    if (lines.length === 0) return lines;
    const last = this.rest.pop() ?? '';
    lines[0] = [...this.rest, lines[0]].join('');
    this.rest = [last];
    return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
}
