import { describe, expect, test } from 'vitest';
import {
  branchTo,
  exchangesOf,
  leafAfterLoss,
  leafThrough,
  newestLeafBelow,
  subtreeIds,
} from './message-tree.ts';

/** `a` was answered by `b` and again by `c`; `c` goes on to `d` and `e`. */
const tree = [
  { id: 'a', parentId: null },
  { id: 'b', parentId: 'a' },
  { id: 'c', parentId: 'a' },
  { id: 'd', parentId: 'c' },
  { id: 'e', parentId: 'd' },
];
const ids = (messages: { id: string }[]): string => messages.map((message) => message.id).join('');

describe('the tree of messages', () => {
  test('a branch goes from the first message to its leaf', () => {
    expect(ids(branchTo(tree, 'e'))).toBe('acde');
    expect(ids(branchTo(tree, 'b'))).toBe('ab');
    expect(branchTo(tree, null)).toEqual([]);
    expect(branchTo(tree, 'unknown')).toEqual([]);
  });

  test('damaged rows that form a circle do not hang it', () => {
    const circle = [
      { id: 'a', parentId: 'b' },
      { id: 'b', parentId: 'a' },
    ];
    expect(ids(branchTo(circle, 'a'))).toBe('ba');
  });

  test('switching to a branch follows its newest messages', () => {
    expect(newestLeafBelow(tree, 'a')).toBe('e');
    expect(newestLeafBelow(tree, 'b')).toBe('b');
  });

  test('what is shown stays shown when one of it is to be seen, and follows the newest messages elsewhere', () => {
    expect(leafThrough(tree, 'c', 'e')).toBe('e');
    expect(leafThrough(tree, 'c', 'd')).toBe('d');
    expect(leafThrough(tree, 'c', 'b')).toBe('e');
    expect(leafThrough(tree, 'b', 'e')).toBe('b');
    expect(leafThrough(tree, 'a', null)).toBe('e');
  });

  test('a subtree is everything below', () => {
    expect([...subtreeIds(tree, 'c')].join('')).toBe('cde');
  });

  test('after a loss the newest sibling is shown, else the parent', () => {
    expect(leafAfterLoss(tree, new Set(['c', 'd', 'e']), 'e')).toBe('b');
    expect(leafAfterLoss(tree, new Set(['e']), 'e')).toBe('d');
    expect(leafAfterLoss(tree, new Set(['b']), 'e')).toBe('e');
    expect(leafAfterLoss(tree, new Set(['a', 'b', 'c', 'd', 'e']), 'e')).toBeNull();
  });

  test('an exchange is what a person said and the answers to it', () => {
    const roles = ['assistant', 'user', 'assistant', 'user', 'user', 'assistant'] as const;
    expect(exchangesOf(roles.map((role) => ({ role }))).map((exchange) => exchange.length)).toEqual([
      1, 2, 3,
    ]);
  });
});
