/**
 * `write`: creates a file with the folders it needs, or replaces one.
 *
 * Decides and describes; `effects/` does it. What must stay true: a file that is replaced keeps its
 * mode, its byte order mark and its line endings, and its old content is in the ledger.
 */
import { parseFields, schemaOf, type Fields, type InputOf } from '../arguments.js';
import type { Tool, ToolContext, ToolPlan } from '../tool.js';
import { CHANGES_ONE_FILE, refuse } from './file-change.js';
import { twinOf } from './folder-names.js';
import { placeToWrite, type Place } from './inside-project.js';
import { PATH_FIELD } from './subject.js';
import { readTarget, type TargetFile } from './target-file.js';
import { decodeText, encodeText, isWindowsText, lineCount, withLineEnd } from './text-format.js';

const FIELDS = {
  path: PATH_FIELD,
  content: { kind: 'string', empty: true },
} as const satisfies Fields;

type WriteInput = InputOf<typeof FIELDS>;

const linesWord = (count: number): string => `${count} line${count === 1 ? '' : 's'}`;

/** New content in the manner of the old: its mark, and its line endings when the model sent plain ones. */
const inMannerOf = (old: Uint8Array, content: string) => {
  const decoded = decodeText(old);
  if (decoded.kind === 'unreadable') return { bytes: encodeText(content, false), note: '' };
  const toWindows = isWindowsText(decoded.text) && !content.includes('\r');
  const text = toWindows ? withLineEnd(content, '\r\n') : content;
  const kept = [toWindows ? 'CRLF line endings' : '', decoded.hasBom ? 'byte order mark' : ''];
  const note = kept.filter((part) => part !== '').join(' and ');
  return { bytes: encodeText(text, decoded.hasBom), note: note && ` Kept its ${note}.` };
};

const replaceFile = (
  place: Place,
  target: Extract<TargetFile, { kind: 'file' }>,
  content: string,
): ToolPlan => {
  const { before } = target;
  const { bytes, note } = inMannerOf(before.content, content);
  if (Buffer.compare(bytes, before.content) === 0)
    return {
      kind: 'answer',
      text: `${place.shown} has exactly this content already; nothing was written.`,
      isError: false,
    };
  const decoded = decodeText(before.content);
  const was = decoded.kind === 'text' ? linesWord(lineCount(decoded.text)) : 'binary';
  const text = `Replaced ${place.shown}: ${linesWord(lineCount(content))} (was: ${was}).${note}${target.note}`;
  return { kind: 'file', path: place.path, before, content: bytes, text };
};

const createFile = async (place: Place, content: string): Promise<ToolPlan> => {
  const twin = await twinOf(place.path);
  if (twin)
    return refuse(
      `${place.shown} was not written: "${twin}" exists beside it, and elsewhere the two names are one. Use that name, or another.`,
    );
  const bytes = encodeText(content, false);
  const text = `Created ${place.shown} (${linesWord(lineCount(content))}, ${bytes.byteLength} bytes).`;
  return { kind: 'file', path: place.path, before: null, content: bytes, text };
};

const plan = async (input: WriteInput, context: ToolContext): Promise<ToolPlan> => {
  const { fileBytesMax } = context.limits;
  const bytes = Buffer.byteLength(input.content);
  if (bytes > fileBytesMax)
    return refuse(`content is too large: ${bytes} of at most ${fileBytesMax} bytes.`);
  if (input.path.endsWith('/')) return refuse(`${input.path} names a folder; give a file's path.`);
  const place = await placeToWrite(input.path, context);
  if (place.kind === 'refused') return refuse(place.text);
  const target = await readTarget(place, fileBytesMax);
  switch (target.kind) {
    case 'refused':
      return refuse(target.text);
    case 'missing':
      return createFile(place, input.content);
    case 'file':
      return replaceFile(place, target, input.content);
  }
};

export const writeTool: Tool<WriteInput> = {
  name: 'write',
  description: 'Create a file, with its folders, or replace all of it.',
  inputSchema: schemaOf(FIELDS),
  ...CHANGES_ONE_FILE,
  parse: (input) => parseFields(input, FIELDS),
  plan,
};
