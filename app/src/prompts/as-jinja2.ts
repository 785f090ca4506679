/**
 * What Jinja2 takes and the interpreter does not, rewritten into what both take: Hugging Face renders these templates,
 * so their models were trained on what they write.
 */

type Node = Record<string, unknown> & { type: string };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value;
const name = (value: string): Node => ({ type: 'Identifier', value });
const call = (callee: Node, args: unknown[]): Node => ({ type: 'CallExpression', callee, args });
const filter = (operand: unknown, by: Node): Node => ({ type: 'FilterExpression', operand, filter: by });
const text = (value: unknown): Node => ({ type: 'StringLiteral', value: String(value) });
const noItems = (): Node => ({ type: 'ArrayLiteral', value: [] });
const choice = (condition: Node, trueExpr: unknown, falseExpr: unknown): Node => ({
  type: 'Ternary',
  condition,
  trueExpr,
  falseExpr,
});
const is = (operand: unknown, test: string): Node => ({
  type: 'TestExpression',
  operand,
  negate: false,
  test: name(test),
});

/** What is undefined is empty in Jinja2: no turn of a loop, no letter of a text. */
const orNoItems = (list: unknown): Node => filter(list, call(name('default'), [noItems()]));
const orNoText = (said: unknown): Node => filter(said, call(name('default'), [text('')]));
/** To `selectattr` and `map` none is empty too; it is to the others here, which would end the template over it. */
const ofNoneNoItems = (list: unknown): Node => filter(list, call(name('default'), [noItems(), name('true')]));

const listFilters = new Set(['length', 'list', 'join', 'map', 'selectattr', 'rejectattr']);
const orders = new Set(['<', '<=', '>', '>=']);

/** Methods of texts that the interpreter lacks, or whose arguments it does not look at. No template can write their names. */
export const textMethods: Readonly<Record<string, (text: string, ...given: unknown[]) => string>> = {
  'str.format': formatText,
  'str.strip': (said, blanks) => stripStart(stripEnd(said, blanks), blanks),
  'str.lstrip': stripStart,
  'str.rstrip': stripEnd,
};

/** Changes a parsed template where it stands. */
export function writeAsJinja2(program: object): void {
  const nodes: Node[] = [];
  collect(program, nodes);
  for (const node of nodes) rewrite(node);
  const numbered = nodes.filter(hasNumberedKeys);
  if (numbered.length === 0) return;
  for (const table of numbered) nameKeys(table);
  for (const node of nodes) rewriteBesideNumberedKeys(node);
}

function collect(value: unknown, nodes: Node[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (isNode(value)) nodes.push(value);
  const inner = value instanceof Map ? [...value].flat() : Object.values(value);
  for (const part of inner) collect(part, nodes);
}

function rewrite(node: Node): void {
  switch (node.type) {
    case 'For': {
      const { iterable } = node;
      if (isNode(iterable) && iterable.type === 'SelectExpression')
        iterable['lhs'] = orNoItems(iterable['lhs']);
      else node['iterable'] = orNoItems(iterable);
      break;
    }
    case 'FilterExpression': {
      const by = node['filter'] as Node;
      const called = (by.type === 'CallExpression' ? by['callee'] : by) as Node;
      if (listFilters.has(String(called['value']))) node['operand'] = ofNoneNoItems(node['operand']);
      break;
    }
    case 'BinaryExpression':
      if (operatorOf(node) === '~') {
        node['left'] = orNoText(node['left']);
        node['right'] = orNoText(node['right']);
      }
      break;
    case 'CallExpression':
      callTextMethod(node);
      break;
  }
}

const operatorOf = (node: Node): string => String((node['operator'] as { value: unknown }).value);

function callTextMethod(node: Node): void {
  const callee = node['callee'] as Node;
  const args = node['args'] as unknown[];
  if (callee.type !== 'MemberExpression' || callee['computed'] === true || args.length === 0) return;
  const method = `str.${String((callee['property'] as Node)['value'])}`;
  if (!Object.hasOwn(textMethods, method)) return;
  node['callee'] = name(method);
  node['args'] = [callee['object'], ...args];
}

/** `{0: …, 512: …}`: the interpreter's keys are texts. */
function hasNumberedKeys(node: Node): boolean {
  if (node.type !== 'ObjectLiteral') return false;
  return [...(node['value'] as Map<Node, unknown>).keys()].some((key) => key.type === 'IntegerLiteral');
}

function nameKeys(table: Node): void {
  const entries = [...(table['value'] as Map<Node, unknown>)];
  table['value'] = new Map(
    entries.map(([key, value]) => [key.type === 'IntegerLiteral' ? text(key['value']) : key, value]),
  );
}

/** Whoever looks into a table by number means a text then, and whoever compares a key with a number the number. */
function rewriteBesideNumberedKeys(node: Node): void {
  const property = node['property'];
  if (node.type === 'MemberExpression' && isNode(property) && property.type === 'IntegerLiteral') {
    node['computed'] = true;
    node['property'] = choice(is(node['object'], 'mapping'), text(property['value']), property);
  }
  if (node.type === 'BinaryExpression' && orders.has(operatorOf(node))) {
    for (const side of ['left', 'right']) {
      node[side] = choice(is(node[side], 'string'), filter(node[side], name('int')), node[side]);
    }
  }
}

function formatText(pattern: string, ...given: unknown[]): string {
  let next = 0;
  return pattern.replaceAll(/\{\{|\}\}|\{([^{}]*)\}/gu, (whole, place?: string) => {
    if (place === undefined) return whole.charAt(0);
    const value = given[place === '' ? next++ : Number(place)];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw new Error(`format() cannot fill in ${whole}`);
  });
}

function stripStart(said: string, blanks: unknown): string {
  if (typeof blanks !== 'string') return said.trimStart();
  let start = 0;
  while (start < said.length && blanks.includes(said.charAt(start))) start += 1;
  return said.slice(start);
}

function stripEnd(said: string, blanks: unknown): string {
  if (typeof blanks !== 'string') return said.trimEnd();
  let end = said.length;
  while (end > 0 && blanks.includes(said.charAt(end - 1))) end -= 1;
  return said.slice(0, end);
}
