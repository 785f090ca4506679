import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

interface Item {
  person: string;
  priority: 'answer' | 'side';
  name: string;
}

const item = (person: string, name: string, priority: Item['priority'] = 'answer'): Item => ({
  person,
  name,
  priority,
});

function takeAll(queue: FairQueue<Item>): string[] {
  const names: string[] = [];
  for (let next = queue.take(() => true); next; next = queue.take(() => true)) names.push(next.name);
  return names;
}

describe('FairQueue', () => {
  it('lets persons take turns, whoever asked more', () => {
    const queue = new FairQueue<Item>();
    for (const name of ['a1', 'a2', 'a3']) queue.push(item('a', name));
    for (const name of ['b1', 'b2']) queue.push(item('b', name));
    expect(queue.inOrder().map((one) => one.name)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
    expect(takeAll(queue)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  it('prefers who was given fewer tokens', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('a', 'a1'));
    queue.push(item('b', 'b1'));
    takeAll(queue);
    queue.charge('a', 500);
    queue.push(item('a', 'a2'));
    queue.push(item('b', 'b2'));
    queue.push(item('b', 'b3'));
    expect(takeAll(queue)).toEqual(['b2', 'b3', 'a2']);
  });

  it('starts a newcomer level with those who wait, not ahead of them for ever', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('a', 'a1'));
    queue.charge('a', 1000);
    queue.push(item('new', 'n1'));
    queue.push(item('new', 'n2'));
    expect(takeAll(queue)).toEqual(['a1', 'n1', 'n2']);
  });

  /** Asks, is given that many tokens, and is done. */
  function serve(queue: FairQueue<Item>, person: string, tokens: number): void {
    queue.push(item(person, 'earlier'));
    const taken = queue.take(() => true)!;
    queue.charge(person, tokens);
    queue.remove(taken);
  }

  it.each([
    ['the others wait', ['b', 'a']],
    ['nobody else is there', ['a', 'b']],
  ])('lets nobody save up a claim while others work, who comes back when %s', (_, order) => {
    const queue = new FairQueue<Item>();
    serve(queue, 'a', 50);
    for (let round = 0; round < 200; round++) serve(queue, 'b', 2000);
    for (const person of order) for (const number of [1, 2]) queue.push(item(person, `${person}${number}`));
    const [first, second] = order;
    expect(takeAll(queue)).toEqual([`${first}1`, `${second}1`, `${first}2`, `${second}2`]);
  });

  it('lets nobody save up a claim while others are served', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('b', 'long'));
    queue.take(() => true);
    serve(queue, 'a', 50);
    queue.charge('b', 2000);
    for (const name of ['a1', 'a2', 'a3']) queue.push(item('a', name));
    queue.push(item('b', 'b1'));
    expect(takeAll(queue)).toEqual(['a1', 'b1', 'a2', 'a3']);
  });

  it('serves side work after all answers', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('a', 'title', 'side'));
    queue.push(item('b', 'b1'));
    queue.push(item('b', 'b2'));
    expect(takeAll(queue)).toEqual(['b1', 'b2', 'title']);
  });

  it('lets those who have room pass those who have none, but not one that may not be passed', () => {
    const queue = new FairQueue<Item>();
    for (const name of ['large', 'small1', 'small2']) queue.push(item('a', name));
    queue.push(item('a', 'title', 'side'));
    const isSmall = ({ name }: Item): boolean => name !== 'large';
    expect(queue.take(isSmall)?.name).toBe('small1');
    expect(queue.take(isSmall, ({ name }) => name !== 'large')).toBeNull();
    expect(queue.take(isSmall, ({ name }) => name !== 'title')?.name).toBe('small2');
    expect(takeAll(queue)).toEqual(['large', 'title']);
  });

  it('keeps back only those behind it', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('a', 'large'));
    queue.push(item('b', 'b1'));
    queue.charge('a', 10);
    const isSmall = ({ name }: Item): boolean => name !== 'large';
    const mayBePassed = ({ name }: Item): boolean => name !== 'large';
    expect(queue.take(isSmall, mayBePassed)?.name).toBe('b1');
  });

  it('takes one that had to step back before those who came after it', () => {
    const queue = new FairQueue<Item>();
    for (const name of ['a1', 'a2', 'a3']) queue.push(item('a', name));
    queue.putBack(queue.take(() => true)!);
    expect(takeAll(queue)).toEqual(['a1', 'a2', 'a3']);
  });
});
