import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const data = join(root, 'cria/data');

interface HeldOut {
  id: string;
  messages: { role: string; content: string }[];
  check: { contains?: string[]; equals?: string[]; matches?: string; maximumWords?: number; ends?: boolean };
}

interface Fact {
  name: string;
  lines: { kind: string; text: string }[];
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

function heldOut(kind: string): HeldOut[] {
  const lines = read(join(data, 'held-out', `${kind}.jsonl`)).trimEnd();
  return lines.split('\n').map((line) => JSON.parse(line) as HeldOut);
}

function facts(): Fact[] {
  const found: Fact[] = [];
  for (const file of readdirSync(data).filter(
    (name) => name.endsWith('-facts.txt') || /-facts-/u.test(name),
  )) {
    for (const line of read(join(data, file)).split('\n')) {
      const [, kind = '', text = ''] = /^(\S+) (.*)$/u.exec(line) ?? [];
      if (kind === '@') found.push({ name: text, lines: [] });
      else if (kind !== '' && kind !== '#') found.at(-1)?.lines.push({ kind, text });
    }
  }
  return found;
}

function textsOf(fact: Fact, kind: string): string[] {
  return fact.lines.filter((line) => line.kind === kind).map((line) => line.text);
}

function bare(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_+]+/gu, ' ')
    .trim();
}

const squeezed = (text: string): string => text.replaceAll(/\s+/gu, ' ');

const page = join(root, 'web/src');
const wordsOfPage = readdirSync(page, { recursive: true, encoding: 'utf8' })
  .filter((file) => /strings[^/]*\.ts$/u.test(file))
  .map((file) => read(join(page, file)))
  .join('');
const shortcuts = read(join(page, 'palette/shortcuts.ts'));

/** As a person would say them: `Ctrl Shift E`. */
function keysOf(name: string): string {
  const [, line = ''] = new RegExp(`^  ${name}: \\{(.*)$`, 'mu').exec(shortcuts) ?? [];
  const [, key = 'no such shortcut'] = /key: '([^']+)'/u.exec(line) ?? [];
  const spoken = { Escape: 'Esc', Backspace: 'Backspace' }[key] ?? key.toUpperCase();
  const held = [line.includes('isMain') ? 'Ctrl' : [], line.includes('isShift') ? 'Shift' : []].flat();
  return [...held, spoken].join(' ');
}

describe('what Cria learns about Corral', () => {
  test('still stands in the documents', () => {
    const missing = facts().flatMap((fact) =>
      textsOf(fact, 'doc')
        .filter((text) => !text.startsWith('web: '))
        .filter((line) => {
          const [document = '', ...rest] = line.split(': ');
          return !squeezed(read(join(root, document))).includes(squeezed(rest.join(': ')));
        })
        .map((line) => `${fact.name}: ${line}`),
    );
    expect(missing).toEqual([]);
  });

  test('still stands on the page: its words, and the keys of its shortcuts', () => {
    const wrong = facts().flatMap((fact) =>
      textsOf(fact, 'doc')
        .filter((text) => text.startsWith('web: '))
        .map((text) => text.slice('web: '.length))
        .filter((text) => {
          const [, shortcut] = /^shortcuts (\w+)$/u.exec(text) ?? [];
          if (shortcut === undefined) return !wordsOfPage.includes(text);
          return !textsOf(fact, 'A').every((answer) => answer.includes(keysOf(shortcut)));
        })
        .map((text) => `${fact.name}: ${text}`),
    );
    expect(wrong).toEqual([]);
  });

  test('has enough wordings, and right answers that fulfil the check', () => {
    expect(facts().length).toBeGreaterThan(170);
    for (const fact of facts()) {
      const [has = ''] = textsOf(fact, 'has');
      expect(textsOf(fact, 'Q').length, fact.name).toBeGreaterThanOrEqual(8);
      expect(textsOf(fact, 'H').length, fact.name).toBeGreaterThanOrEqual(2);
      for (const answer of textsOf(fact, 'A'))
        expect(answer.toLowerCase(), fact.name).toContain(has.toLowerCase());
    }
  });
});

describe('held-out dialogues', () => {
  const sizes = {
    facts: 250,
    recall: 200,
    exact: 200,
    system: 100,
    talk: 60,
    'fresh-facts': 150,
    'fresh-system': 50,
  };

  test.each(Object.entries(sizes))('%s: at least %i, each with a check that can be made', (kind, least) => {
    const dialogues = heldOut(kind);
    expect(dialogues.length).toBeGreaterThanOrEqual(least);
    expect(new Set(dialogues.map((one) => one.id)).size).toBe(dialogues.length);
    for (const { id, messages, check } of dialogues) {
      expect(messages.at(-1)?.role, id).toBe('user');
      expect(Object.keys(check).length, id).toBeGreaterThan(0);
      if (check.matches !== undefined) expect(() => new RegExp(check.matches ?? '', 'u'), id).not.toThrow();
    }
  });

  test('no question about Corral is asked in the wording of the training', () => {
    const trained = new Set(facts().flatMap((fact) => textsOf(fact, 'Q').map(bare)));
    const asked = [...heldOut('facts'), ...heldOut('fresh-facts')];
    expect(asked.filter(({ messages }) => trained.has(bare(messages[0]?.content ?? '')))).toEqual([]);
  });
});
