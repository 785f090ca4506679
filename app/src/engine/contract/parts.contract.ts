import type { Engine } from '../engine.ts';

/** What the parts of the suite share. */
export interface Parts {
  name: string;
  /** The engine that all tests use, but for those that close it. */
  shared: () => Promise<Engine>;
  /** One of its own; the test closes it. */
  start: () => Promise<Engine>;
  /** Says why a part does not hold, and whether it is so. */
  skip: (part: SkippablePart) => boolean;
}

export type SkippablePart =
  | 'exact-counts'
  | 'tokens'
  | 'render'
  | 'score'
  | 'embed'
  | 'logprobs'
  | 'state'
  | 'grammar'
  | 'seed'
  | 'stop-reason'
  | 'continue'
  | 'context-limit';
