/**
 * `edit`: replaces exact text in a file that stays otherwise as it is.
 *
 * Decides and describes; `effects/` does it. What must stay true: text that is missing or stands there
 * more than once is never guessed at, and the file keeps its line endings, its mark and its mode.
 */
import { parseFields, schemaOf, type Fields, type InputOf } from '../arguments.js';
import type { FileChange, Tool, ToolContext, ToolPlan } from '../tool.js';
import { lineOf, showPieces } from './changed-lines.js';
import { CHANGES_ONE_FILE, refuse } from './file-change.js';
import { missingHelp } from './folder-names.js';
import { placeToWrite, type Place } from './inside-project.js';
import { nearMiss } from './near-miss.js';
import { replaceText, TIMES_MAX, type Replaced } from './replace-text.js';
import { PATH_FIELD } from './subject.js';
import { readTarget } from './target-file.js';
import { decodeText, encodeText } from './text-format.js';

const FIELDS = {
  path: PATH_FIELD,
  old_string: { kind: 'string', description: 'exact text, without line numbers' },
  new_string: { kind: 'string', empty: true },
  replace_all: { kind: 'boolean', optional: true },
} as const satisfies Fields;

type EditInput = InputOf<typeof FIELDS>;

const unchanged = async (
  place: Place,
  text: string,
  input: EditInput,
  replaced: Exclude<Replaced, { kind: 'replaced' }>,
): Promise<ToolPlan> => {
  if (replaced.kind === 'missing') {
    const help = await nearMiss(text, input.old_string);
    return refuse(`old_string is not in ${place.shown}; nothing was changed. ${help}`);
  }
  const { times, lines } = replaced;
  const more = times > lines.length ? ', …' : '';
  const often = times === TIMES_MAX ? `at least ${times}` : String(times);
  return refuse(
    `old_string is in ${place.shown} ${often} times (lines ${lines.join(', ')}${more}); nothing was changed. ` +
      'Add lines around it until it is unique, or set replace_all.',
  );
};

const resultText = (
  place: Place,
  replaced: Extract<Replaced, { kind: 'replaced' }>,
  note: string,
): string => {
  const { text, pieces } = replaced;
  const lines = pieces.slice(0, 10).map((piece) => lineOf(text, piece.start));
  const where = `line${pieces.length > 1 ? 's' : ''} ${lines.join(', ')}${pieces.length > 10 ? ', …' : ''}`;
  const times = pieces.length > 1 ? `${pieces.length} places, ` : '';
  return `Edited ${place.shown} (${times}${where}).${note}\n${showPieces(text, pieces)}`;
};

const plan = async (input: EditInput, context: ToolContext): Promise<ToolPlan> => {
  if (input.old_string === input.new_string)
    return refuse('old_string and new_string are the same; nothing was changed.');
  const place = await placeToWrite(input.path, context);
  if (place.kind === 'refused') return refuse(place.text);
  const { fileBytesMax } = context.limits;
  const target = await readTarget(place, fileBytesMax);
  if (target.kind === 'refused') return refuse(target.text);
  if (target.kind === 'missing')
    return refuse(`${await missingHelp(place)} To create a file, use write.`);
  const decoded = decodeText(target.before.content);
  if (decoded.kind === 'unreadable')
    return refuse(`${place.shown} ${decoded.reason}; nothing was changed.`);
  const replaced = replaceText(decoded.text, {
    oldText: input.old_string,
    newText: input.new_string,
    everywhere: input.replace_all ?? false,
  });
  if (replaced.kind !== 'replaced') return unchanged(place, decoded.text, input, replaced);
  if (replaced.text === decoded.text)
    return refuse(`${place.shown} would stay as it is; nothing was changed.`);
  const content = encodeText(replaced.text, decoded.hasBom);
  if (content.byteLength > fileBytesMax)
    return refuse(`${place.shown} would become too large (${content.byteLength} bytes).`);
  const text = resultText(place, replaced, target.note);
  const { before } = target;
  return { kind: 'file', path: place.path, before, content, text } satisfies FileChange;
};

export const editTool: Tool<EditInput> = {
  name: 'edit',
  description: 'Replace exact text in a file. It must occur once, unless replace_all.',
  inputSchema: schemaOf(FIELDS),
  ...CHANGES_ONE_FILE,
  parse: (input) => parseFields(input, FIELDS),
  plan,
};
