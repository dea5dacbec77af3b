/**
 * The project's own files as the house tests see them: paths, texts, syntax trees, imports.
 *
 * Everything is read once and by the compiler's own parser. What must stay true: a file that is new
 * in the tree is seen without being named anywhere.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Folders of product code; tests and benchmarks stand beside them. */
export const SOURCE_FOLDERS = ['workflows', 'activities', 'config', 'workers', 'client'] as const;

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.tmp']);

const listFiles = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : listFiles(path);
    return entry.isFile() ? [path] : [];
  });

/** Every file of the project, relative to its root. */
export const allFiles: readonly string[] = listFiles('').sort();

export const readText = (file: string): string => readFileSync(join(root, file), 'utf8');
export const readJson = <T>(file: string): T => JSON.parse(readText(file)) as T;
export const exists = (file: string): boolean => existsSync(join(root, file));
export const isFolder = (file: string): boolean =>
  exists(file) && statSync(join(root, file)).isDirectory();

const isIn = (file: string, folders: readonly string[]): boolean =>
  folders.some((folder) => file.startsWith(`${folder}/`));

export const sourceFiles = allFiles.filter((f) => f.endsWith('.ts') && isIn(f, SOURCE_FOLDERS));
export const testFiles = allFiles.filter((f) => f.endsWith('.ts') && isIn(f, ['test']));
export const scriptFiles = allFiles.filter(
  (f) => /\.(mjs|ts)$/.test(f) && isIn(f, ['scripts', 'bench']),
);

const trees = new Map<string, ts.SourceFile>();
export const treeOf = (file: string): ts.SourceFile => {
  const known = trees.get(file);
  if (known) return known;
  const kind = file.endsWith('.mjs') ? ts.ScriptKind.JS : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(file, readText(file), ts.ScriptTarget.ESNext, true, kind);
  trees.set(file, tree);
  return tree;
};

/** Calls `visit` for a node and all below it. */
export const walk = (node: ts.Node, visit: (node: ts.Node) => void): void => {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
};

export const lineOf = (tree: ts.SourceFile, position: number): number =>
  tree.getLineAndCharacterOfPosition(position).line + 1;

export interface Import {
  readonly from: string;
  readonly line: number;
  /** As it is written: a package, `node:fs`, or a relative path. */
  readonly text: string;
  /** File of ours it leads to; null for packages. */
  readonly file: string | null;
  readonly isTypeOnly: boolean;
}

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean =>
  ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : node.isTypeOnly;

const resolve = (from: string, text: string): string | null => {
  if (!text.startsWith('.')) return null;
  const target = posix.join(posix.dirname(from), text);
  const candidates = [target.replace(/\.js$/, '.ts'), target];
  return candidates.find((file) => exists(file) && !isFolder(file)) ?? target;
};

const readImports = (file: string): Import[] => {
  const tree = treeOf(file);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const { text } = specifier;
    const line = lineOf(tree, node.getStart());
    found.push({ from: file, line, text, file: resolve(file, text), isTypeOnly: typeOnly });
  };
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node, node.moduleSpecifier, isTypeOnly(node));
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node, node.argument.literal, true);
  });
  return found;
};

const imports = new Map<string, readonly Import[]>();
export const importsOf = (file: string): readonly Import[] => {
  const known = imports.get(file);
  if (known) return known;
  const found = readImports(file);
  imports.set(file, found);
  return found;
};

/** Names of packages that do not have to be installed to be named: `node:fs` is `node:`. */
export const packageOf = (text: string): string => {
  if (text.startsWith('node:')) return 'node:';
  return text
    .split('/')
    .slice(0, text.startsWith('@') ? 2 : 1)
    .join('/');
};
