/**
 * Measures of a source file that the budgets speak of: lines, functions, nesting, comments, `any`.
 *
 * What must stay true: they count as the lint rules of the same names do, so that an editor and the
 * house test never disagree.
 */
import ts from 'typescript';

import { lineOf, readText, treeOf, walk } from './sources.js';

export interface FunctionMeasure {
  readonly place: string;
  readonly lines: number;
  readonly parameters: number;
  readonly nesting: number;
}

export const lineCount = (file: string): number => readText(file).trimEnd().split('\n').length;

const NESTING_KINDS = new Set([
  ts.SyntaxKind.IfStatement,
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForInStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.DoStatement,
  ts.SyntaxKind.SwitchStatement,
  ts.SyntaxKind.TryStatement,
]);

const isElseIf = (node: ts.Node): boolean =>
  ts.isIfStatement(node) && ts.isIfStatement(node.parent) && node.parent.elseStatement === node;

const deepest = (node: ts.Node, depth: number): number => {
  let max = depth;
  node.forEachChild((child) => {
    if (ts.isFunctionLike(child)) return;
    const deeper = NESTING_KINDS.has(child.kind) && !isElseIf(child) ? depth + 1 : depth;
    max = Math.max(max, deepest(child, deeper));
  });
  return max;
};

const hasBody = (node: ts.Node): node is ts.FunctionLikeDeclaration & { body: ts.Node } =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;

const measure = (tree: ts.SourceFile): FunctionMeasure[] => {
  const found: FunctionMeasure[] = [];
  walk(tree, (node) => {
    if (!hasBody(node)) return;
    const first = lineOf(tree, node.getStart());
    found.push({
      place: `${tree.fileName}:${first}`,
      lines: lineOf(tree, node.end) - first + 1,
      parameters: node.parameters.length,
      nesting: deepest(node.body, 0),
    });
  });
  return found;
};

export const functionsOf = (file: string): FunctionMeasure[] => measure(treeOf(file));

/** The functions of a text, for trying the measures out. */
export const functionsIn = (text: string): FunctionMeasure[] =>
  measure(ts.createSourceFile('text.ts', text, ts.ScriptTarget.ESNext, true));

export const anysOf = (file: string): string[] => {
  const tree = treeOf(file);
  const places: string[] = [];
  walk(tree, (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword)
      places.push(`${file}:${lineOf(tree, node.getStart())}`);
  });
  return places;
};

/** Lines with code, and lines with nothing but a comment. */
export const countComments = (
  text: string,
): { readonly code: number; readonly comment: number } => {
  let [code, comment, inBlock] = [0, 0, false];
  for (const line of text.split('\n').map((l) => l.trim())) {
    if (line === '') continue;
    const opens = line.startsWith('/*');
    if (inBlock || opens || line.startsWith('//')) comment += 1;
    else code += 1;
    if (inBlock || opens) inBlock = !line.includes('*/');
  }
  return { code, comment };
};

/** The value that `share` of all lie at or below. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
};

export interface Header {
  readonly text: string;
  readonly sentences: number;
}

/** The comment a file opens with; sentences are counted up to the first bullet. Null = none. */
export const headerOf = (source: string): Header | null => {
  const match = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(source);
  if (!match) return null;
  const lines = match[1]!.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim());
  const bullet = lines.findIndex((line) => line.startsWith('- '));
  const text = lines.join(' ').trim();
  const prose = (bullet === -1 ? lines : lines.slice(0, bullet)).join(' ').trim();
  const bullets = bullet === -1 ? 0 : 1;
  return { text, sentences: prose.split(/[.?!](?:\s|$)/).filter((s) => s.trim()).length + bullets };
};
