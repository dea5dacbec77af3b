/** The gate as a table: what passes, what is asked, and what "always" covers. */
import { grantOf, judge } from '../../workflows/permission.js';
import type { PermissionClass } from '../../workflows/protocol/agent.js';
import type { ToolCallSummary } from '../../workflows/protocol/turn.js';

const callOf = (permission: PermissionClass, subject: string, name = 'shell'): ToolCallSummary => ({
  index: 0,
  name,
  permission,
  subject,
  argumentsHash: 'h',
});

describe('the gate', () => {
  test.each<[PermissionClass, 'allow' | 'ask']>([
    ['read', 'allow'],
    ['edit', 'allow'],
    ['execute', 'ask'],
    ['network', 'ask'],
  ])('in default mode a call of class %s: %s', (permission, verdict) => {
    expect(judge(callOf(permission, 'x'), 'default', [])).toBe(verdict);
  });

  test('bypass lets everything pass', () => {
    expect(judge(callOf('execute', 'rm -rf x'), 'bypass', [])).toBe('allow');
  });

  test.each([
    ['npm test', 'Bash(npm test *)'],
    ['npm   test -- --watch=false', 'Bash(npm test *)'],
    ['git commit -m "x"', 'Bash(git commit *)'],
    ['rm -rf build', 'Bash(rm -rf build)'],
    ['npm test && rm -rf /', 'Bash(npm test && rm -rf /)'],
    ['make', 'Bash(make)'],
  ])('always after "%s" grants %s', (subject, grant) => {
    expect(grantOf(callOf('execute', subject))).toBe(grant);
  });

  test.each([
    ['npm test', 'npm test -- --bail', true],
    ['npm test', 'npm run build', false],
    ['npm test', 'npm testing', false],
    ['npm test', 'npm test; rm -rf /', false],
    ['npm test', 'npm test > /etc/passwd', false],
    ['npm test', 'npm test $(rm x)', false],
    ['npm test', 'npm test\nrm x', false],
    ['rm -rf build', 'rm -rf build', true],
    ['rm -rf build', 'rm -rf build2', false],
    ['a && b', 'a && b', true],
    ['a && b', 'a && c', false],
  ])('a grant from "%s" covers "%s": %s', (granted, asked, covered) => {
    const grants = [grantOf(callOf('execute', granted))];
    expect(judge(callOf('execute', asked), 'default', grants)).toBe(covered ? 'allow' : 'ask');
  });
});
