import type { TokenLogprob } from '../../contracts/run-parts.ts';

/** What a service says while it answers, freed from its dialect. */
export interface ServiceEvent {
  /** Before any text: strings of the prompt's format that end an answer beside those of the request. */
  stops?: readonly string[];
  /** Before any text: it does not go on with the open answer itself, and was asked to in a new turn. */
  isAskedAnew?: true;
  text?: string;
  /** What a reasoning model thinks before it answers. */
  thought?: string;
  tokens?: TokenLogprob[];
  finish?: { reason: 'stop' | 'length' | 'stop-string'; stopString?: string };
  /** Instead of `finish`: why the service gave up an answer that was not complete. */
  brokenOff?: 'trouble' | 'filter';
  usage?: { promptTokens: number; cachedTokens: number; completionTokens: number };
}

export type OnEvent = (event: ServiceEvent) => void;
