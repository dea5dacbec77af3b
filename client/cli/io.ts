/**
 * What a command sees of its surroundings, handed in so that tests can stand in for a terminal.
 *
 * What must stay true: commands read the environment and write output through this alone, never
 * through `process`; results go to stdout, everything else to stderr.
 */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** A failure the command line prints as `loomkin: WHAT. DO` and turns into its exit code. */
export class CommandFailure extends Error {
  readonly kind: string;
  readonly cure: string;
  readonly exitCode: number;
  constructor(kind: string, message: string, cure: string, exitCode = 1) {
    super(message);
    this.name = 'CommandFailure';
    this.kind = kind;
    this.cure = cure;
    this.exitCode = exitCode;
  }
}
