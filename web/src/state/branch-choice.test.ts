import { expect, test } from 'vitest';
import { BranchChoice } from './branch-choice.ts';
import { MessageTree } from './message-tree.ts';
import { messageWith } from './message.fixture.ts';

/** A server that takes its time: each saving ends when it is told how. */
function slowServer() {
  const asked: string[] = [];
  const open: { take: () => void; refuse: () => void }[] = [];
  let looks = 0;
  const choice = new BranchChoice({
    save: (leafId) =>
      new Promise((resolve, reject) => {
        asked.push(leafId);
        open.push({ take: resolve, refuse: () => reject(new Error('refused')) });
      }),
    lookAgain: () => void (looks += 1),
  });
  return { choice, asked, open, looks: () => looks };
}

const tree = new MessageTree(['first', 'second', 'third'].map((id) => messageWith({ id })));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('choices are saved one after another, of several that wait only the last one', async () => {
  const { choice, asked, open, looks } = slowServer();
  const begun = choice.make('first');
  await turn();
  const made = ['second', 'third', 'first'].map((leafId) => choice.make(leafId));
  await turn();
  expect(asked).toEqual(['first']);
  open[0]?.take();
  await turn();
  expect(asked).toEqual(['first', 'first']);
  // What the server says is not shown before it has the last one, unless that is gone.
  expect([choice.taken('second', tree), looks()]).toEqual(['first', 0]);
  expect(choice.taken('second', new MessageTree())).toBe('second');
  open[1]?.take();
  await Promise.all([begun, ...made, choice.settled()]);
  expect([choice.taken('second', tree), looks()]).toEqual(['second', 1]);
});

test('after a refusal the server is asked again, and the next choice is made', async () => {
  const { choice, asked, open, looks } = slowServer();
  const refused = choice.make('first');
  await turn();
  open[0]?.refuse();
  await expect(refused).rejects.toThrow('refused');
  await choice.settled();
  expect([choice.taken('second', tree), looks()]).toEqual(['second', 1]);
  const made = choice.make('second');
  await turn();
  open[1]?.take();
  await made;
  expect(asked).toEqual(['first', 'second']);
});
