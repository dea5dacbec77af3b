import { carriesMark, withTrailers } from '../../../activities/tools/git/commit-message.js';

const MARK = { session: 's-1', call: 'lead.2.0' };
const OWN = 'Loomkin-Session: s-1\nLoomkin-Call: lead.2.0\n';

test.each([
  ['subject alone', 'fix: it', `fix: it\n\n${OWN}`],
  ['subject that looks like a trailer', 'fix: it works', `fix: it works\n\n${OWN}`],
  ['body', 'fix\n\nbecause', `fix\n\nbecause\n\n${OWN}`],
  ['trailers of its own', 'fix\n\nRefs: #1\nFixes: #2', `fix\n\nRefs: #1\nFixes: #2\n${OWN}`],
  [
    'a last paragraph that is half trailers',
    'fix\n\nRefs: #1\nand so',
    `fix\n\nRefs: #1\nand so\n\n${OWN}`,
  ],
  ['blank lines around it', '\n\n fix \n\n\n', `fix\n\n${OWN}`],
  ['line endings of Windows', 'fix\r\n\r\nbody\r\n', `fix\n\nbody\n\n${OWN}`],
])('a message with %s ends in one paragraph of trailers', (_, message, whole) => {
  expect(withTrailers(message, MARK, '')).toBe(whole);
  expect(carriesMark(withTrailers(message, MARK, ''), MARK)).toBe(true);
});

test('the co-author comes last, once, and only when there is one', () => {
  const whole = withTrailers('fix', MARK, 'L <l@x>');
  expect(whole).toBe(`fix\n\n${OWN}Co-Authored-By: L <l@x>\n`);
  expect(withTrailers(whole, MARK, 'L <l@x>').match(/Co-Authored-By/g)).toHaveLength(1);
  expect(withTrailers('fix', MARK, '')).not.toContain('Co-Authored-By');
});

test('a mark is the pair of session and call, whole', () => {
  expect(carriesMark(`x\n\n${OWN}`, { ...MARK, call: 'lead.2.01' })).toBe(false);
  expect(carriesMark(`x\n\n${OWN}`, { ...MARK, session: 's-11' })).toBe(false);
  expect(carriesMark('x\n\nLoomkin-Call: lead.2.0\n', MARK)).toBe(false);
  expect(carriesMark(`x\n\n> quoted ${OWN}`, MARK)).toBe(false);
});
