/**
 * The words of the page: all of them stand in web/src/strings*.ts, so that a translation is other objects of the same
 * types, and each of them is used. Elsewhere words are what is shown as text or given as a label and the like, and
 * whatever reads as a sentence.
 */
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSync } from '@swc/core';

type Node = Record<string, unknown> & { type: string };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** The nodes right below, in order, also those in lists and in wrappers without a type. */
function* below(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value))
    if (isNode(part)) yield part;
    else yield* below(part);
}

const wordFiles = globSync('web/src/strings*.ts');
const sources = globSync('web/src/**/*.{ts,tsx}').filter(
  (file) => !wordFiles.includes(file) && !/\.test\.tsx?$/.test(file),
);

/** Attributes and properties whose text people are shown or read. */
const shownNames = new Set(
  'label title alt placeholder aria-label aria-description data-tip description heading why text note hint message emptyMeans'.split(
    ' ',
  ),
);
const sentence = /^\p{Lu}[\p{L}’'-]*[,:;]? \p{L}/u;
/** Of these the operands are what comes out. */
const passedOn = new Set(['+', '&&', '||', '??']);

const nameOf = (node: unknown): unknown => (isNode(node) ? node['value'] : undefined);

/** Where a text that stands there is shown. */
function shownParts(node: Node): unknown[] {
  switch (node.type) {
    case 'JSXElement':
    case 'JSXFragment':
      return (node['children'] as Node[]).filter(({ type }) => type !== 'JSXElement');
    case 'JSXAttribute':
      return shownNames.has(String(nameOf(node['name']))) ? [node['value']] : [];
    case 'KeyValueProperty':
      return shownNames.has(String(nameOf(node['key']))) ? [node['value']] : [];
    case 'AssignmentExpression': {
      const target = node['left'] as Node;
      return shownNames.has(String(nameOf(target['property']))) ? [node['right']] : [];
    }
    default:
      return [];
  }
}

/** What a shown expression may come out as. */
function outcomes(node: Node): unknown[] {
  switch (node.type) {
    case 'ConditionalExpression':
      return [node['consequent'], node['alternate']];
    case 'BinaryExpression':
      return passedOn.has(String(node['operator'])) ? [node['left'], node['right']] : [];
    case 'JSXExpressionContainer':
    case 'ParenthesisExpression':
    case 'TsConstAssertion':
      return [node['expression']];
    case 'TemplateLiteral':
      return node['quasis'] as Node[];
    default:
      return [];
  }
}

function textOf(node: Node): string | null {
  if (node.type === 'TemplateElement') return String(node['cooked']);
  return node.type === 'StringLiteral' || node.type === 'JSXText' ? String(node['value']) : null;
}

/** Imports name files, and types only say what may stand there. */
const isBesides = ({ type, source }: Node): boolean =>
  /^Ts(?:Type|Interface|Lit|Union)/.test(type) || (/^(?:Import|Export)/.test(type) && isNode(source));

function* wordsIn(node: Node, isShown = false): Generator<string> {
  if (isBesides(node)) return;
  const text = textOf(node);
  if (text !== null && (isShown ? /\p{L}/u : sentence).test(text)) yield text.trim();
  const shown = new Set([...shownParts(node), ...(isShown ? outcomes(node) : [])]);
  for (const part of below(node)) yield* wordsIn(part, shown.has(part));
}

/** `strings.shell.back` and the like: what it is read from, and the way to it as far as it is written out. */
function pathOf(node: Node): string[] | null {
  if (node.type === 'Identifier') return [String(node['value'])];
  if (node.type !== 'MemberExpression') return null;
  const path = pathOf(node['object'] as Node);
  const property = node['property'] as Node;
  // The rest is chosen while the page runs.
  const isChosen = property.type !== 'Identifier';
  return path && (isChosen ? [...path, '*'] : [...path, String(property['value'])]);
}

/** What is in brackets along a path. */
function chosen(node: Node): Node[] {
  if (node.type !== 'MemberExpression') return [];
  const property = node['property'] as Node;
  return [...chosen(node['object'] as Node), ...(property.type === 'Identifier' ? [] : [property])];
}

/** Names that stand for some of the words, such as `const words = strings.shell`, by what they stand for. */
type Known = Map<string, string>;

const meaning = (path: readonly string[] | null, known: Known): string | null => {
  const [root = '', ...rest] = path ?? [];
  const meant = known.get(root);
  return meant === undefined ? null : [meant, ...rest].join('.');
};

function isAlias({ type, id, init }: Node, known: Known): boolean {
  if (type !== 'VariableDeclarator' || !isNode(id) || id.type !== 'Identifier' || !isNode(init)) return false;
  const meant = meaning(pathOf(init), known);
  if (meant === null || meant.includes('*')) return false;
  known.set(String(id['value']), meant);
  return true;
}

/** The names of attributes and properties are no values. */
function values(node: Node): Iterable<Node> {
  const { key: _key, name: _name, property, ...parts } = node;
  return below({ ...parts, ...(isNode(property) && property.type !== 'Identifier' ? { property } : {}) });
}

/** Notes which words a file reads. */
function noteUses(node: Node, known: Known, used: Set<string>): void {
  if (isBesides(node) || isAlias(node, known)) return;
  const path = pathOf(node);
  const meant = meaning(path, known);
  if (meant !== null) used.add(meant.replace(/\.\*.*/, ''));
  for (const part of path ? chosen(node) : values(node)) noteUses(part, known, used);
}

/** The ways to every word of an object. */
function* waysIn(value: unknown, way: string): Generator<string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    for (const [name, part] of Object.entries(value)) yield* waysIn(part, `${way}.${name}`);
  else yield way;
}

const words: string[] = [];
const roots: Known = new Map();
for (const file of wordFiles) {
  const module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  for (const [name, value] of Object.entries(module)) {
    roots.set(name, name);
    words.push(...waysIn(value, name));
  }
}

const problems: string[] = [];
const used = new Set(
  [...readFileSync('web/index.html', 'utf8').matchAll(/\{\{(\w+)\}\}/g)].map(
    ([, name]) => `strings.composer.${name}`,
  ),
);
for (const file of sources) {
  const syntax = { syntax: 'typescript', tsx: file.endsWith('x') } as const;
  const tree = parseSync(readFileSync(file, 'utf8'), syntax) as unknown as Node;
  for (const text of wordsIn(tree))
    problems.push(`${file} says "${text}", which belongs into web/src/strings*.ts`);
  noteUses(tree, new Map(roots), used);
}
const isUsed = (way: string): boolean =>
  used.has(way) || (way.includes('.') && isUsed(way.replace(/\.[^.]*$/, '')));
for (const way of words) if (!isUsed(way)) problems.push(`${way} is said nowhere`);
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
