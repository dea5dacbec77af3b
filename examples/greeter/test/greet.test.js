import assert from 'node:assert/strict';
import { test } from 'node:test';

import { greet, languages } from '../src/greet.js';

test('greets in English unless told otherwise', () => {
  assert.equal(greet('Ada'), 'Hello, Ada!');
  assert.equal(greet('Ada', 'xx'), 'Hello, Ada!');
});

test('greets in every language it lists', () => {
  const greetings = languages().map((language) => greet('Ada', language));
  assert.deepEqual(greetings, ['Hello, Ada!', 'Hallo, Ada!', 'Bonjour, Ada!']);
});
