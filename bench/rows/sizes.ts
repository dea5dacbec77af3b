/**
 * What does not depend on the machine: the tokens every request begins with, the bytes of the bundle.
 *
 * What must stay true: they are counted on what is really sent and really loaded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { encode } from 'gpt-tokenizer/encoding/o200k_base';

import { spreadOf, type Row } from '../figures.js';
import { LIMITS, type Bench } from './section.js';

const BYTES_PER_KB = 1024;

/** Read off the wire, so that nothing which is sent can be forgotten. */
const measurePrompt = async ({ installation, model }: Bench): Promise<Row> => {
  await model.play({ replies: [{ text: 'done' }], keepBodies: true });
  await installation.loomkin('-p', 'say done');
  const { body } = await model.request(1);
  const { messages, tools } = JSON.parse(body) as {
    readonly messages: readonly { readonly content: string }[];
    readonly tools: unknown;
  };
  const [system, toolTokens] = [messages[0]?.content ?? '', JSON.stringify(tools)].map(
    (text) => encode(text).length,
  );
  return {
    id: 'prompt-tokens',
    what: 'system text and tools of a plain session',
    unit: 'tokens',
    measured: spreadOf([(system ?? 0) + (toolTokens ?? 0)]),
    floor: null,
    limits: LIMITS.promptTokens,
    note: `o200k_base: system text ${system}, tools ${toolTokens}`,
  };
};

/** The source map stands at the end, as one line of base64. */
const withoutMap = (code: string): string =>
  code.replace(/\n\/\/# sourceMappingURL=data:[^\n]*\n?$/, '\n');

const measureBundle = (root: string): Row => {
  const code = readFileSync(join(root, 'dist', 'current', 'workflow-bundle.js'), 'utf8');
  return {
    id: 'bundle',
    what: 'workflow bundle without source map',
    unit: 'KB',
    measured: spreadOf([Buffer.byteLength(withoutMap(code)) / BYTES_PER_KB]),
    floor: null,
    limits: LIMITS.bundle,
    note: 'one KB is 1024 bytes',
  };
};

export const measureSizes = async (bench: Bench): Promise<readonly Row[]> => [
  await measurePrompt(bench),
  measureBundle(bench.root),
];
