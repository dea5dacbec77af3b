/**
 * One JSON document as one line, whoever reads it.
 *
 * JSON leaves some characters as they are that are more than text to others: DEL and C1 are commands to
 * a terminal, and many a reader takes U+0085, U+2028 and U+2029 for the end of a line. What must stay
 * true: a line holds none of them, and parses to the same document.
 */

const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

export const jsonLine = (document: unknown): string => {
  const json = JSON.stringify(document).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${json}\n`;
};
