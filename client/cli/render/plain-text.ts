/**
 * Where text of models, tools, files and servers is made safe for a terminal, and fitted into its lines.
 *
 * What must stay true: nothing foreign reaches a terminal with its control bytes, and a line that was
 * cut to some columns takes no more than those, whatever it is written in.
 */

/** What colours text or moves the cursor (CSI), sets titles and links (OSC, DCS, …), other escapes. */
const ESCAPES =
  // eslint-disable-next-line no-control-regex
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
/** C0 (but tab and newline), DEL, C1, and the marks that turn the direction of text around. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export const plainText = (text: string): string =>
  text
    .replace(/\r+\n/g, '\n')
    .replace(ESCAPES, '')
    .replace(CONTROLS, (character) => (character === '\r' ? '\n' : '\ufffd'));

/** The first line of a text; more lines show as an ellipsis. */
export const oneLine = (text: string): string => {
  const [first = '', ...rest] = plainText(text).replaceAll('\t', ' ').trim().split('\n');
  const more = rest.some((line) => line.trim() !== '');
  return more ? `${first.trimEnd()} …` : first;
};

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

const columnsOf = (character: string): number => {
  if (character < '\u0300') return 1;
  return WITHOUT_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
};

/** Whole characters of one line, as many as fit into the columns. */
export const shorten = (text: string, columns: number): string => {
  let used = 0;
  let fits = '';
  for (const character of text) {
    used += columnsOf(character);
    if (used > columns) return `${fits}…`;
    if (used < columns) fits += character;
  }
  return text;
};

/** Half a character pair, half a line's end, or the beginning of an escape sequence. */
// eslint-disable-next-line no-control-regex
const UNFINISHED = /(?:[\ud800-\udbff]|\r|\u001b(?:\[[0-?]{0,64}[ -/]{0,8})?)$/;

/** How much of a text that is still coming can be judged by itself. */
export const finishedLength = (text: string): number => {
  const at = text.search(UNFINISHED);
  return at === -1 ? text.length : at;
};
