import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SEGMENT_BYTES, type EffectFolder } from '../../activities/effects/process/folder.js';
import { collectOutput } from '../../activities/effects/process/output.js';
import {
  findOutputEnd,
  listSegments,
  trimSegments,
} from '../../activities/effects/process/segments.js';

const NONCE = 'f'.repeat(32);
const MARKER = `\x1e${NONCE}\n`;
const BOOTS = { claimed: 'boot', now: 'boot' };

/** A folder as a wrapper that is dead has left it, with this output cut into segments. */
const withOutput = async (
  parts: readonly (string | Buffer)[],
  body: (folder: EffectFolder) => Promise<void>,
): Promise<void> => {
  const path = mkdtempSync(join(tmpdir(), 'output-'));
  try {
    writeFileSync(join(path, 'started'), '1 1 boot\n');
    writeFileSync(join(path, 'exit'), '0\n');
    const all = Buffer.concat(parts.map((part) => Buffer.from(part)));
    for (let from = 0, index = 0; from < all.length; from += SEGMENT_BYTES, index += 1) {
      const name = `out.a${String.fromCharCode(97 + index)}`;
      writeFileSync(join(path, name), all.subarray(from, from + SEGMENT_BYTES));
    }
    await body({ path, nonce: NONCE, key: 's/lead.1.0' });
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
};

const collect = (folder: EffectFolder, bytesMax: number, running = false) =>
  collectOutput(folder, BOOTS, { bytesMax, running });

test('nothing written is the empty output', () =>
  withOutput([MARKER], async (folder) => {
    expect(await collect(folder, 100)).toMatchObject({ text: '', bytes: 0 });
  }));

test('no segment at all is the empty output', () =>
  withOutput([], async (folder) => {
    expect(await collect(folder, 100)).toMatchObject({ text: '', bytes: 0 });
  }));

test('the end is found wherever a border between segments cuts it', async () => {
  for (const before of [0, 1, 16, MARKER.length - 1, MARKER.length]) {
    const length = SEGMENT_BYTES - before;
    await withOutput([Buffer.alloc(length, 'x'), MARKER, 'later'], async (folder) => {
      expect(await findOutputEnd(folder, await listSegments(folder))).toBe(length);
    });
  }
});

test('what children wrote after the command is not its output, however much it is', () =>
  withOutput(['own\n', MARKER, Buffer.alloc(2 * SEGMENT_BYTES, 'z')], async (folder) => {
    expect(await collect(folder, 100)).toMatchObject({ text: 'own\n', bytes: 4 });
  }));

test('the nonce of another attempt is output like any other', () =>
  withOutput([`\x1e${'0'.repeat(32)}\n`, MARKER], async (folder) => {
    expect((await collect(folder, 100)).text).toContain('0000');
  }));

test('an output one byte too long is cut, one that just fits is not', () =>
  withOutput(['x'.repeat(1000), MARKER], async (folder) => {
    expect((await collect(folder, 1000)).text).toBe('x'.repeat(1000));
    const cut = await collect(folder, 999);
    expect(cut.text).toContain('[… 1 of 1000 bytes left out');
    expect(readFileSync(cut.path, 'utf8')).toBe('x'.repeat(1000));
  }));

test('a cut keeps whole characters of two, three and four bytes', async () => {
  for (const letter of ['ä', '€', '😀'])
    await withOutput([letter.repeat(500), MARKER], async (folder) => {
      for (let bytesMax = 200; bytesMax < 212; bytesMax += 1)
        expect((await collect(folder, bytesMax)).text).not.toContain('\uFFFD');
    });
});

test('the same files give the same words', () =>
  withOutput(['line\n'.repeat(5000), MARKER], async (folder) => {
    expect(await collect(folder, 3000)).toEqual(await collect(folder, 3000));
  }));

test('of a process that goes on, the output so far is told and nothing is copied', () =>
  withOutput(['so far\n'.repeat(100)], async (folder) => {
    const output = await collect(folder, 100, true);
    expect(output.text).toMatch(/^so far\n/);
    expect(output.path).toBe(join(folder.path, 'out.aa'));
    expect(readdirSync(folder.path)).not.toContain('output');
  }));

test('a wrapper that died before it could mark the end leaves all there is', () =>
  withOutput(['half a li'], async (folder) => {
    expect(await collect(folder, 100)).toMatchObject({ text: 'half a li', bytes: 9 });
  }));

test('of a very long output the first segment and the last ones are kept, and the gap is shown', () =>
  withOutput(['first', Buffer.alloc(18 * SEGMENT_BYTES, 'm'), 'last', MARKER], async (folder) => {
    const { text, path, bytes } = await collect(folder, 2000);
    expect(bytes).toBe(18 * SEGMENT_BYTES + 9);
    expect(text.startsWith('firstm')).toBe(true);
    expect(text.endsWith('mlast')).toBe(true);
    const left = readdirSync(folder.path).filter((name) => name.startsWith('out.'));
    expect(left).toHaveLength(16);
    const whole = readFileSync(path, 'utf8');
    expect(whole).toContain(`[… ${3 * SEGMENT_BYTES} bytes were not kept …]`);
    expect(whole.endsWith('mlast')).toBe(true);
  }));

test('trimming spares what lies behind the end that is given', () =>
  withOutput([Buffer.alloc(20 * SEGMENT_BYTES, 'm')], async (folder) => {
    await trimSegments(folder, 2 * SEGMENT_BYTES);
    expect(await listSegments(folder)).toHaveLength(20);
    mkdirSync(join(folder.path, 'elsewhere'));
    await trimSegments(folder);
    const indices = (await listSegments(folder)).map(({ index }) => index);
    expect(indices).toEqual([0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  }));
