/**
 * The message of a commit with its trailers: who asked for it, in which call, and with whose help. Pure.
 *
 * The pair of session and call is how a recovering agent finds its own commit. What must stay true:
 * the trailers form the last paragraph, whatever the message ends with.
 */
import { CALL_TRAILER, SESSION_TRAILER } from '../../../workflows/protocol/names.js';

const TRAILER = /^[A-Za-z0-9-]+: \S/;

export interface CommitMark {
  readonly session: string;
  readonly call: string;
}

const markLines = ({ session, call }: CommitMark): readonly string[] => [
  `${SESSION_TRAILER}: ${session}`,
  `${CALL_TRAILER}: ${call}`,
];

export const withTrailers = (message: string, mark: CommitMark, coAuthor: string): string => {
  const text = message.replace(/\r\n?/g, '\n').trim();
  const own = [...markLines(mark), ...(coAuthor === '' ? [] : [`Co-Authored-By: ${coAuthor}`])];
  const paragraphs = text.split(/\n{2,}/);
  const last = paragraphs.length > 1 ? (paragraphs.at(-1) ?? '').split('\n') : [];
  const endsInTrailers = last.length > 0 && last.every((line) => TRAILER.test(line));
  const fresh = own.filter((line) => !last.includes(line));
  return `${text}${endsInTrailers ? '\n' : '\n\n'}${fresh.join('\n')}\n`;
};

/** Is this the message of the commit that this call made? */
export const carriesMark = (message: string, mark: CommitMark): boolean => {
  const lines = message.split('\n').map((line) => line.trim());
  return markLines(mark).every((line) => lines.includes(line));
};
