/**
 * Text of strangers in the Markdown that Temporal shows: one line, cut, and as it was typed. Pure.
 *
 * What must stay true: a title, a path or a model's name can't add a line, a cell or a link to it.
 */
const cut = (text: string, charsMax: number): string => {
  const characters = [...text.replace(/\s+/g, ' ').trim()];
  return characters.length <= charsMax
    ? characters.join('')
    : `${characters.slice(0, charsMax).join('')}…`;
};

/** One line of plain text, whatever marks it is made of. */
export const plainLine = (text: string, charsMax: number): string =>
  cut(text, charsMax).replace(/[\\`*_{}[\]<>()#+!|~&]/g, '\\$&');

/** One line between backticks; backticks of its own would end it. */
export const codeLine = (text: string, charsMax: number): string =>
  `\`${cut(text, charsMax).replaceAll('`', "'").replaceAll('|', '¦')}\``;
