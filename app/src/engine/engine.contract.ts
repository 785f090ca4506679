import { afterAll, expect, test } from 'vitest';
import { answeringContract } from './contract/answering.contract.ts';
import { countingContract } from './contract/counting.contract.ts';
import type { SkippablePart } from './contract/parts.contract.ts';
import { refusingContract } from './contract/refusing.contract.ts';
import { stateAndGrammarContract } from './contract/state-and-grammar.contract.ts';
import { stoppingContract } from './contract/stopping.contract.ts';
import type { Engine } from './engine.ts';

/** What an engine's tests provide; the suite says what every engine does. */
export interface EngineUnderTest {
  name: string;
  /** A loaded engine that the suite closes. */
  start(): Promise<Engine>;
  /** Why a part of the suite does not hold for this engine; absent: it holds. */
  skips?: Partial<Record<SkippablePart, string>>;
}

/** What every adapter of the engine passes. */
export function describeEngine(subject: EngineUnderTest): void {
  let started: Promise<Engine> | null = null;
  const shared = (): Promise<Engine> => (started ??= subject.start());
  afterAll(async () => (await started)?.close());

  const skip = (part: SkippablePart): boolean => {
    const reason = subject.skips?.[part];
    if (reason !== undefined)
      test(`${part}: does not hold, because ${reason}`, () => expect(reason).not.toBe(''));
    return reason !== undefined;
  };

  const parts = { name: subject.name, shared, start: () => subject.start(), skip };
  countingContract(parts);
  answeringContract(parts);
  stoppingContract(parts);
  refusingContract(parts);
  stateAndGrammarContract(parts);
}
