import type { WireAsked } from '../protocol.ts';
import { adapterSet } from './admission.ts';
import type { LoadedModel } from './loaded-model.ts';
import { createTask, type ReadWork, type Task } from './task.ts';
import { TokenList } from './token-list.ts';

/** A task that reads a text, without who waits for what comes of it. */
export type PreparedReading<Result> = (wait: Waiting<Result>) => Task;

export interface Waiting<Result> {
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

interface Asked {
  ticket: number;
  request: Pick<WireAsked, 'person' | 'priority' | 'adapters'>;
  loaded: LoadedModel;
}

type Reading<Result> = Omit<ReadWork, 'kind' | 'resolve' | 'reject'> & {
  target: TokenList;
  result: () => Result;
};

/** Nothing of it stays in the cache. */
export function readTask<Result>(
  { ticket, request, loaded }: Asked,
  { target, result, ...work }: Reading<Result>,
): PreparedReading<Result> {
  const { person, priority = 'answer' } = request;
  const set = adapterSet(request.adapters ?? [], loaded);
  // A batch with embeddings has a row for every token of it, so such texts take turns with others, as adapters do.
  const adapters = work.row === 'embedding' ? { ...set, key: `${set.key}|embedding` } : set;
  return ({ resolve, reject }) =>
    createTask(
      {
        ticket,
        person,
        priority,
        stateKey: null,
        ephemeral: true,
        adapters,
        work: { kind: 'read', ...work, resolve: () => resolve(result()), reject },
        target,
        promptText: null,
      },
      new TokenList(),
    );
}
