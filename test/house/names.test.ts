import { basename, dirname } from 'node:path';
import ts from 'typescript';

import {
  isFolder,
  readText,
  scriptFiles,
  sourceFiles,
  testFiles,
  treeOf,
  walk,
} from './sources.js';

const BANNED = /(^|[-./])(manager|service|helper|util|common|misc)s?([-./]|$)/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.workflow)?(\.test)?\.(ts|mjs|sh|txt|json)$/;
/** Files that gather exports, each because the design names it. */
const GATHERING = new Set(['workflows/index.ts', 'activities/index.ts']);
/** Folders of tests that stand for no single folder of the product. */
const SUBJECTS = new Set([
  'acceptance',
  'attack',
  'chaos',
  'e2e',
  'house',
  'launcher',
  'replay',
  'support',
]);
const code = [...sourceFiles, ...testFiles, ...scriptFiles];

describe('a file name', () => {
  test('is kebab-case, with .workflow and .test as its only suffixes', () => {
    expect(code.filter((file) => !KEBAB.test(basename(file)))).toEqual([]);
  });

  test('is a word of the domain, not manager, service, helper, util, common or misc', () => {
    expect(code.filter((file) => BANNED.test(file))).toEqual([]);
    expect(BANNED.test('client/http-utils.ts')).toBe(true);
    expect(BANNED.test('workflows/protocol/turn.ts')).toBe(false);
  });

  test('of a test lies in the folder of what it tests, or in that of a subject', () => {
    const folders = testFiles.map((file) => dirname(file).slice('test/'.length));
    const mirrors = (f: string): boolean => isFolder(f) || isFolder(`activities/${f}`);
    const strange = folders.filter((f) => !SUBJECTS.has(f.split('/')[0]!) && !mirrors(f));
    expect([...new Set(strange)]).toEqual([]);
  });
});

const isReExport = (statement: ts.Statement): boolean =>
  ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;

test('no file only hands on what other files export', () => {
  const barrels = sourceFiles.filter((file) => {
    const { statements } = treeOf(file);
    return statements.length > 0 && statements.every(isReExport);
  });
  expect(barrels.filter((file) => !GATHERING.has(file))).toEqual([]);
});

const WIRE = { defineSignal: 'Signal', defineQuery: 'Query', defineUpdate: 'Update' } as const;

interface WireName {
  readonly exported: string;
  readonly wire: string;
  readonly suffix: string;
}

const wireNamesOf = (file: string): WireName[] => {
  const found: WireName[] = [];
  walk(treeOf(file), (node) => {
    if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name)) return;
    const call = node.initializer;
    if (!call || !ts.isCallExpression(call) || !ts.isIdentifier(call.expression)) return;
    const suffix = WIRE[call.expression.text as keyof typeof WIRE];
    const [name] = call.arguments;
    if (suffix === undefined || !name) return;
    const wire = ts.isStringLiteral(name) ? name.text : `not a literal: ${name.getText()}`;
    found.push({ exported: node.name.text, wire, suffix });
  });
  return found;
};

describe('a name on the wire', () => {
  const names = sourceFiles.flatMap(wireNamesOf);

  test('of a signal, query or update is its exported name without the kind', () => {
    const wrong = names.filter(({ exported, wire, suffix }) => exported !== wire + suffix);
    expect(wrong).toEqual([]);
    expect(names.length).toBeGreaterThanOrEqual(5);
  });

  test('is defined in the protocol folder alone', () => {
    const elsewhere = sourceFiles.filter((file) => !file.startsWith('workflows/protocol/'));
    expect(elsewhere.filter((file) => wireNamesOf(file).length > 0)).toEqual([]);
  });
});

test('no enum, namespace, decorator or parameter property is written', () => {
  const places: string[] = [];
  for (const file of sourceFiles)
    walk(treeOf(file), (node) => {
      const isWrong =
        ts.isEnumDeclaration(node) ||
        ts.isDecorator(node) ||
        (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && node.name.text !== 'global');
      if (isWrong) places.push(`${file}: ${node.getText().split('\n')[0]}`);
    });
  expect(places).toEqual([]);
});

test('no test is skipped, focused or left to do', () => {
  const silenced = /\b(test|it|describe)\.(skip|only|todo)\b|\bx(it|test|describe)\(/;
  const hiding = testFiles.filter(
    (f) => f !== 'test/house/names.test.ts' && silenced.test(readText(f)),
  );
  expect(hiding).toEqual([]);
});
