/** Words about text that is not there, or there too often: bounded, whatever the file and the model send. */
import { nearMiss } from '../../../activities/tools/files/near-miss.js';
import { showPieces } from '../../../activities/tools/files/changed-lines.js';
import { replaceText } from '../../../activities/tools/files/replace-text.js';

/** The longest time for which nobody else got a turn, in ms. */
const longestHold = async (act: () => Promise<unknown> | unknown): Promise<number> => {
  let longestMs = 0;
  let last = performance.now();
  const look = (): void => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 1);
  await act();
  look();
  clearInterval(timer);
  return longestMs;
};

test('thousands of equal lines, of which the last one differs, hold nobody up', async () => {
  const text = '}\n'.repeat(60_000);
  const wanted = `${'}\n'.repeat(20_000)}the end`;
  const holdMs = await longestHold(async () => {
    expect(await nearMiss(text, wanted)).toContain('(60000 lines)');
  });
  expect(holdMs).toBeLessThan(1500);
});

test('an old text of 300,000 lines is answered', async () => {
  expect(await nearMiss('a\nb\n', 'q\n'.repeat(300_000))).toContain('Line 1 differs');
});

test('text that is there at every letter is called ambiguous quickly', async () => {
  const text = 'a'.repeat(2_000_000);
  const holdMs = await longestHold(() => {
    expect(
      replaceText(text, { oldText: text.slice(0, 100_000), newText: '', everywhere: false }),
    ).toEqual({
      kind: 'ambiguous',
      lines: Array.from({ length: 20 }, () => 1),
      times: 100,
    });
  });
  expect(holdMs).toBeLessThan(1500);
});

test.each([159, 160, 161])(
  'lines shown from a file end between characters: %i',
  async (letters) => {
    const theirs = `${'x'.repeat(letters)}${'😀'.repeat(40)} end`;
    const text = await nearMiss(`${theirs}\n`, `${theirs.slice(0, -3)}END and more`);
    expect(text).toContain('Most similar');
    expect(text).toBe(Buffer.from(text).toString());
  },
);

test.each([199, 200])('lines shown after an edit end between characters: %i', (letters) => {
  const line = `${'x'.repeat(letters)}${'😀'.repeat(40)}`;
  const shown = showPieces(line, [{ start: 0, end: 1 }]);
  expect(shown).toContain(' …');
  expect(shown).toBe(Buffer.from(shown).toString());
});
