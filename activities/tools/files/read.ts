/**
 * `read`: shows lines of a text file with their numbers, and says how to see the rest.
 *
 * Reads the project and the session's own long outputs. What must stay true: it never hangs on what is
 * no regular file, never loads a huge file, and never shows bytes that are not text.
 */
import { basename, dirname } from 'node:path';

import { codeOf, withFolder } from '../../open-folder.js';
import { openRegularFile } from '../../regular-file.js';
import { parseFields, schemaOf, type Fields, type InputOf } from '../arguments.js';
import type { Tool, ToolContext, ToolPlan, ToolResult } from '../tool.js';
import { holding, missingHelp } from './folder-names.js';
import { placeToRead, type Place } from './inside-project.js';
import { readLines, type LineRange, type LinesRead } from './read-lines.js';
import { PATH_FIELD, subjectOf } from './subject.js';
import { pathFault } from './target-file.js';

const FIELDS = {
  path: PATH_FIELD,
  offset: { kind: 'integer', min: 1, optional: true, description: 'first line' },
  limit: { kind: 'integer', min: 1, optional: true, description: 'number of lines' },
} as const satisfies Fields;

type ReadInput = InputOf<typeof FIELDS>;

/** How long a line far inside a huge file is looked for. */
const SCAN_MS_MAX = 20_000;
/** Kept free for the words below the lines. */
const FOOTER_BYTES = 120;

const failure = (text: string): ToolResult => ({ text, isError: true });

const rangeOf = (input: ReadInput, context: ToolContext): LineRange => ({
  offset: input.offset ?? 1,
  linesMax: input.limit ?? Number.MAX_SAFE_INTEGER,
  bytesMax: Math.max(1, context.limits.outputBytesMax - FOOTER_BYTES),
});

const footerOf = (read: LinesRead, first: number, sizeBytes: number): string => {
  const last = first + read.lines.length - 1;
  if (read.total === null || last < read.total) {
    const whole = read.total === null ? `a file of ${sizeBytes} bytes` : String(read.total);
    return `\n[lines ${first}–${last} of ${whole}; go on with offset=${last + 1}]`;
  }
  return read.endsInBreak ? '' : '\n[no line break at the end of the file]';
};

const resultOf = (place: Place, read: LinesRead, first: number, sizeBytes: number): ToolResult => {
  if (read.lines.length > 0)
    return { text: read.lines.join('\n') + footerOf(read, first, sizeBytes), isError: false };
  if (read.total === 0) return { text: `${place.shown} is empty.`, isError: false };
  if (read.total === null)
    return failure(
      `Line ${first} of ${place.shown} was not reached in ${SCAN_MS_MAX / 1000} s; use shell (tail, sed) for files this large.`,
    );
  return failure(
    `${place.shown} has ${read.total} line${read.total === 1 ? '' : 's'}; there is no line ${first}.`,
  );
};

const specialHelp = async (place: Place, what: string): Promise<string> =>
  what === 'a folder'
    ? `${place.shown} is a folder. ${await holding(place.path, 'It')}`
    : `${place.shown} is ${what}, not a regular file.`;

const readOpen = async (
  place: Place,
  range: LineRange,
  context: ToolContext,
): Promise<ToolResult> => {
  const where = { root: place.root, dir: dirname(place.path) };
  return withFolder(where, async (folder) => {
    const opened = await openRegularFile(folder, basename(place.path));
    if (opened.kind === 'missing') return failure(await missingHelp(place));
    if (opened.kind === 'special') return failure(await specialHelp(place, opened.what));
    const { handle, stats } = opened;
    const startedMs = Date.now();
    try {
      const read = await readLines(handle, range, (position, isDone) => {
        context.signal.throwIfAborted();
        if (isDone) return position < context.limits.fileBytesMax;
        return Date.now() - startedMs < SCAN_MS_MAX;
      });
      if (read.kind === 'unreadable') return failure(`${place.shown} ${read.reason}.`);
      return resultOf(place, read, range.offset, Number(stats.size));
    } finally {
      await handle.close();
    }
  });
};

const readAt = async (input: ReadInput, context: ToolContext): Promise<ToolResult> => {
  const place = await placeToRead(input.path, context);
  if (place.kind === 'refused') return failure(place.text);
  if (place.path === place.root) return failure(await specialHelp(place, 'a folder'));
  try {
    return await readOpen(place, rangeOf(input, context), context);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return failure(await missingHelp(place));
    const why = pathFault(error);
    if (why) return failure(`${place.shown} can't be opened: ${why}.`);
    throw error;
  }
};

const plan = async (input: ReadInput, context: ToolContext): Promise<ToolPlan> => ({
  kind: 'answer',
  ...(await readAt(input, context)),
});

export const readTool: Tool<ReadInput> = {
  name: 'read',
  description: 'Show a text file with line numbers, whole or in part.',
  inputSchema: schemaOf(FIELDS),
  timeLimitMs: 60_000,
  parse: (input) => parseFields(input, FIELDS),
  permission: () => 'read',
  effect: () => 'pure',
  isQuick: true,
  subject: ({ path }) => subjectOf(path),
  plan,
};
