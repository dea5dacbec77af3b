/**
 * What a prompt must be before anything is written: ids, text, project.
 *
 * Parsed here at the edge, trusted inside. What must stay true: a text that passes is stored and read
 * back byte for byte, so that a repetition is recognised.
 */
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

import { badRequest, Refusal } from './refusal.js';

export const PROMPT_BYTES_MAX = 4 * 1024 * 1024;
const TITLE_CHARACTERS_MAX = 120;

const SESSION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MESSAGE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

export const checkSessionId = (id: string): void => {
  if (!SESSION_ID.test(id))
    throw badRequest(
      'usage',
      `not a session id: ${JSON.stringify(id.slice(0, 60))}`,
      'Give a UUIDv4',
    );
};

export const checkMessageId = (id: string): void => {
  if (!MESSAGE_ID.test(id))
    throw badRequest(
      'usage',
      `not a message id: ${JSON.stringify(id.slice(0, 60))}`,
      'Give up to 128 letters, digits, dots, colons and dashes',
    );
};

const badInput = (message: string, cure: string, status: number): Refusal =>
  new Refusal('input', message, cure, { status, exitCode: 42 });

export const promptTooLarge = (): Refusal =>
  badInput(
    `the prompt is larger than ${PROMPT_BYTES_MAX} bytes`,
    'Put the text into a file of the project and name it in the prompt',
    413,
  );

/** The text as it will be stored: half a character pair can't be, and becomes its replacement. */
export const checkText = (text: string): string => {
  if (text.trim() === '') throw badInput('the prompt is empty', 'Say what is to be done', 400);
  if (Buffer.byteLength(text) > PROMPT_BYTES_MAX) throw promptTooLarge();
  return /\p{Surrogate}/u.test(text) ? Buffer.from(text).toString() : text;
};

/** First line with something on it, without control characters. */
export const titleOf = (text: string): string => {
  const line = text.trimStart().split(/\r?\n/, 1)[0] ?? '';
  // eslint-disable-next-line no-control-regex -- they would garble terminals and the Web UI
  const plain = line.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return [...plain].slice(0, TITLE_CHARACTERS_MAX).join('');
};

/** Cut to a number of bytes of JSON, whole characters only. */
export const cutToBytes = (text: string, bytesMax: number): string => {
  let cut = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(JSON.stringify(character)) - 2;
    if (bytes > bytesMax) return cut;
    cut += character;
  }
  return cut;
};

const projectFaults: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is not a folder',
  EACCES: 'no permission to read it',
};

/** Real path of the project's root. */
export const checkProject = async (project: string): Promise<string> => {
  const refuse = (why: string): Refusal =>
    badRequest('project', `can't work in ${project}: ${why}`, 'Name a folder with --project DIR');
  if (!isAbsolute(project)) throw refuse('not an absolute path');
  try {
    const root = await realpath(project);
    if (!(await stat(root)).isDirectory()) throw refuse('it is not a folder');
    await access(root, constants.R_OK | constants.X_OK);
    return root;
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException;
    if (name === 'Refusal') throw error;
    throw refuse(projectFaults[code ?? ''] ?? code ?? message);
  }
};

/** True when the folder or one above it holds a repository. */
export const isInsideGit = async (folder: string): Promise<boolean> => {
  const found = await stat(join(folder, '.git')).catch(() => null);
  if (found) return true;
  const above = dirname(folder);
  return above === folder ? false : isInsideGit(above);
};
