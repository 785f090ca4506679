import type { ChatMessage } from '@corral/app/contracts/chats';
import { expect, test } from 'vitest';
import { MessageTree } from './message-tree.ts';
import { messageWith } from './message.fixture.ts';

const message = (id: string, parentId: string | null, role: 'user' | 'assistant' = 'user'): ChatMessage =>
  messageWith({ id, parentId, role });

const tree = (): MessageTree =>
  new MessageTree([
    message('a', null),
    message('b', 'a', 'assistant'),
    message('c', 'b'),
    message('b2', 'a', 'assistant'),
    message('d', 'b2'),
  ]);

test('the shown branch is walked from its leaf, and siblings are its versions', () => {
  expect(tree().path('c')).toEqual(['a', 'b', 'c']);
  expect(tree().path('d')).toEqual(['a', 'b2', 'd']);
  expect(tree().siblings('b')).toEqual(['b', 'b2']);
  expect(tree().leafOf('b')).toBe('c');
  expect(tree().newestLeaf()).toBe('d');
  expect(tree().path(null)).toEqual([]);
});

test('what is shown below a message stays shown with it; elsewhere its newest messages are', () => {
  expect(tree().leafThrough('a', 'c')).toBe('c');
  expect(tree().leafThrough('b', 'd')).toBe('c');
  expect(tree().leafThrough('b2', null)).toBe('d');
});

test('removing takes what follows with it and leaves the other branch', () => {
  const changed = tree();
  changed.remove('b');
  expect(changed.get('c')).toBeUndefined();
  expect(changed.siblings('b2')).toEqual(['b2']);
  expect(changed.path('d')).toEqual(['a', 'b2', 'd']);
});
