/**
 * Finds the line on which each key of a TOML text is written, since the parser does not tell.
 *
 * It reads texts that the parser has accepted already, so it only has to know where keys, strings and
 * brackets end. What must stay true: it never throws and never loops; a key it can't find falls back
 * to the line of its table (`lineOf`).
 */

interface Cursor {
  readonly text: string;
  at: number;
}

const BLANK = /[ \t\r]/;
const BARE = /[A-Za-z0-9_-]/;

/** Paths are joined by a character that no key can hold unescaped. */
export const joinPath = (path: readonly string[]): string => path.join('\0');

const skipBlanks = (cursor: Cursor): void => {
  while (BLANK.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
};

const skipToLineEnd = (cursor: Cursor): void => {
  const end = cursor.text.indexOf('\n', cursor.at);
  cursor.at = end < 0 ? cursor.text.length : end;
};

/** Moves past the string that begins here, of whatever kind, and returns what its quotes hold. */
const skipString = (cursor: Cursor): string => {
  const { text, at } = cursor;
  const quote = text.charAt(at);
  const fence = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  let end = at + fence.length;
  while (end < text.length && !text.startsWith(fence, end))
    end += quote === '"' && text.charAt(end) === '\\' ? 2 : 1;
  // A multi-line string may end in up to two quotes of its own.
  while (fence.length === 3 && text.charAt(end + 3) === quote) end += 1;
  cursor.at = end + fence.length;
  return text.slice(at + fence.length, end);
};

const unescape = (inner: string): string => {
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return inner;
  }
};

const readKeyPart = (cursor: Cursor): string => {
  const quote = cursor.text.charAt(cursor.at);
  if (quote === '"') return unescape(skipString(cursor));
  if (quote === "'") return skipString(cursor);
  const start = cursor.at;
  while (BARE.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
  return cursor.text.slice(start, cursor.at);
};

const readKey = (cursor: Cursor): string[] => {
  const path: string[] = [];
  for (;;) {
    skipBlanks(cursor);
    path.push(readKeyPart(cursor));
    skipBlanks(cursor);
    if (cursor.text.charAt(cursor.at) !== '.') return path;
    cursor.at += 1;
  }
};

/** Moves past a value: to the end of the line on which its last bracket closes. */
const skipValue = (cursor: Cursor): void => {
  let depth = 0;
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (char === '\n' && depth === 0) return;
    if (char === '"' || char === "'") skipString(cursor);
    else if (char === '#') skipToLineEnd(cursor);
    else {
      if (char === '[' || char === '{') depth += 1;
      if (char === ']' || char === '}') depth -= 1;
      cursor.at += 1;
    }
  }
};

const readHeader = (cursor: Cursor): string[] => {
  while (cursor.text.charAt(cursor.at) === '[') cursor.at += 1;
  const table = readKey(cursor);
  skipToLineEnd(cursor);
  return table;
};

/** Line (from 1) of every table header and key; the first one counts. */
export const keyLines = (text: string): ReadonlyMap<string, number> => {
  const lines = new Map<string, number>();
  const cursor: Cursor = { text, at: text.startsWith('\uFEFF') ? 1 : 0 };
  let table: string[] = [];
  let line = 1;
  let counted = 0;
  const note = (path: readonly string[], at: number): void => {
    for (; counted < at; counted += 1) if (text.charAt(counted) === '\n') line += 1;
    // `a.b = 1` writes table `a` as well.
    for (let length = 1; length <= path.length; length += 1) {
      const key = joinPath(path.slice(0, length));
      if (!lines.has(key)) lines.set(key, line);
    }
  };
  while (cursor.at < text.length) {
    const before = cursor.at;
    const char = text.charAt(before);
    if (char === '#') skipToLineEnd(cursor);
    else if (char === '\n' || BLANK.test(char)) cursor.at += 1;
    else if (char === '[') note((table = readHeader(cursor)), before);
    else {
      note([...table, ...readKey(cursor)], before);
      skipValue(cursor);
    }
    // Whatever the text is, every round moves on.
    if (cursor.at === before) cursor.at += 1;
  }
  return lines;
};

/** Line of a path, else that of the nearest table around it, else 1. */
export const lineOf = (lines: ReadonlyMap<string, number>, path: readonly string[]): number => {
  for (let length = path.length; length > 0; length -= 1) {
    const line = lines.get(joinPath(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 1;
};
