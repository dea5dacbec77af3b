/**
 * The words of a prompt: from the command line, from a pipe, or from both.
 *
 * What must stay true: a prompt that is blank, unreadable or over 4 MB ends here with exit code 42,
 * and a pipe that its owner forgot to close never holds a prompt for more than 3 s.
 */
import { fstatSync } from 'node:fs';

import { inputError } from '../errors.js';

export const PROMPT_BYTES_MAX = 4 * 1024 * 1024;
const SILENCE_MS_MAX = 3000;

export type InputStream = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  readonly fd?: number;
};

export interface Input {
  readonly text: string;
  /** Words for the person, e.g. about bytes that are no text. */
  readonly notices: readonly string[];
}

/** Null: nothing was said, and that is allowed (`optional`). */
export const readPrompt = async (
  prompt: string | null,
  stdin: InputStream,
  optional: boolean,
): Promise<Input | null> => {
  const patient = prompt === null && !optional;
  const piped = await readPiped(stdin, patient ? null : SILENCE_MS_MAX);
  const text = [prompt ?? '', piped?.text ?? ''].filter((part) => part.trim() !== '').join('\n\n');
  if (text !== '') {
    if (Buffer.byteLength(text) > PROMPT_BYTES_MAX) throw tooLarge();
    return { text, notices: piped?.notices ?? [] };
  }
  if (optional && prompt === null) return null;
  throw inputError('the prompt is empty', 'Give it as an argument or on stdin.');
};

const tooLarge = () =>
  inputError(
    'the prompt is over 4 MB',
    'Put what is large into a file of the project and name that file in the prompt.',
  );

const unreadable = (error: unknown) => {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return inputError(
    `can't read the prompt (stdin: ${code})`,
    'Check what stdin is redirected from.',
  );
};

const readPiped = async (stdin: InputStream, silenceMs: number | null): Promise<Input | null> => {
  if (stdin.isTTY === true || isNothing(stdin)) return null;
  const bytes = await readBytes(stdin, silenceMs);
  if (bytes.length === 0) return null;
  const text = bytes.toString('utf8');
  const damaged = text.includes('\uFFFD') && !Buffer.from(text).equals(bytes);
  const notice = 'stdin held bytes that are not UTF-8; they were replaced by U+FFFD';
  return { text, notices: damaged ? [notice] : [] };
};

/** /dev/null and its like: nothing will come, so don't wait. A folder can't be read at all. */
const isNothing = (stdin: InputStream): boolean => {
  if (stdin.fd === undefined) return false;
  let stat;
  try {
    stat = fstatSync(stdin.fd);
  } catch (error) {
    throw unreadable(error);
  }
  if (stat.isDirectory()) throw unreadable({ code: 'EISDIR' });
  return stat.isCharacterDevice();
};

const readBytes = (stdin: InputStream, silenceMs: number | null): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      stdin.removeAllListeners('data').removeAllListeners('end').pause();
      settle();
    };
    const done = (): void => finish(() => resolve(Buffer.concat(chunks)));
    const timer = silenceMs === null ? undefined : setTimeout(done, silenceMs);
    stdin.on('data', (chunk: Buffer | string) => {
      clearTimeout(timer);
      const bytes = Buffer.from(chunk as string);
      size += bytes.length;
      chunks.push(bytes);
      if (size > PROMPT_BYTES_MAX) finish(() => reject(tooLarge()));
    });
    stdin.on('end', done);
    stdin.on('error', (error) => finish(() => reject(unreadable(error))));
  });
