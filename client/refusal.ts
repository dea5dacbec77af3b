/**
 * A request that is refused, in the words and with the exit code that the person gets to see.
 *
 * The HTTP layer turns it into an error answer, the command line prints it and ends with its exit
 * code. What must stay true: what was refused has left no trace that a repetition would trip over.
 */
export class Refusal extends Error {
  readonly kind: string;
  readonly cure: string;
  readonly status: number;
  readonly exitCode: number;
  constructor(
    kind: string,
    message: string,
    cure: string,
    ending: { readonly status: number; readonly exitCode: number },
  ) {
    super(message);
    this.name = 'Refusal';
    this.kind = kind;
    this.cure = cure;
    this.status = ending.status;
    this.exitCode = ending.exitCode;
  }
}

export const isRefusal = (error: unknown): error is Refusal =>
  error instanceof Error && error.name === 'Refusal';

/** The request itself is wrong: exit code 2. */
export const badRequest = (kind: string, message: string, cure: string): Refusal =>
  new Refusal(kind, message, cure, { status: 400, exitCode: 2 });

export const notFound = (message: string, cure: string): Refusal =>
  new Refusal('not_found', message, cure, { status: 404, exitCode: 2 });

export const conflict = (kind: string, message: string, cure: string): Refusal =>
  new Refusal(kind, message, cure, { status: 409, exitCode: 2 });

/** It may be sent again as it is. */
export const unavailable = (kind: string, message: string, cure: string): Refusal =>
  new Refusal(kind, message, cure, { status: 503, exitCode: 1 });
