/**
 * What every request of every session begins with: how long it is, and that nothing in it varies.
 */
import { encode } from 'gpt-tokenizer/encoding/o200k_base';

import { wireTools } from '../../activities/models/chat/messages.js';
import { toolDefinitions } from '../../activities/models/prompt.js';
import { SYSTEM_TEXT } from '../../activities/models/system-text.js';
import { TOOLS } from '../../activities/tools/registry.js';

const tools = JSON.stringify(wireTools(toolDefinitions(TOOLS)));

test('system text and tools take at most 3,000 tokens', () => {
  const tokens = encode(SYSTEM_TEXT).length + encode(tools).length;
  expect(tokens).toBeLessThanOrEqual(3_000);
  // Half of it is what they should take; more than this wants a reason.
  expect(tokens).toBeLessThanOrEqual(1_800);
});

test('the tools stand in their fixed order, each once', () => {
  expect(TOOLS.map(({ name }) => name)).toEqual(['read', 'write', 'edit', 'shell', 'git']);
});

test('every tool has a schema that providers take: an object with described fields', () => {
  for (const { name, description, inputSchema } of TOOLS) {
    expect(name).toMatch(/^[a-z][a-z_]{1,30}$/);
    expect(description.length).toBeGreaterThan(20);
    expect(inputSchema).toMatchObject({ type: 'object', properties: {} });
  }
});

test('nothing of a project, a machine, a user or a day is in them', () => {
  const text = SYSTEM_TEXT + tools;
  for (const trait of [process.cwd(), process.env['HOME'] ?? '/root', process.version])
    expect(text).not.toContain(trait);
  expect(text).not.toMatch(/\b20\d\d-\d\d-\d\d\b/);
});

test('the words about unknown outcomes are those that results use', () => {
  expect(SYSTEM_TEXT).toContain('"outcome unknown"');
});
