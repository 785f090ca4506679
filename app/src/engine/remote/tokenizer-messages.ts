import type { PromptSegment } from '../../prompts/segments.ts';

/** What the thread that tokenises is asked, and what it answers. */

export type TokenizerTask =
  | { id: number; type: 'load'; model: string; tokenizer: string; config: string }
  | {
      id: number;
      type: 'count';
      model: string;
      segments: PromptSegment[];
      messageCount: number;
      /** The service adds the beginning-of-sequence token itself. */
      addBos: boolean;
    }
  | { id: number; type: 'drop'; model: string };

export interface TokenCounts {
  messageTokens: number[];
  overheadTokens: number;
}

export type TokenizerAnswer = { id: number } & (
  | { controlTexts: string[] }
  | { counts: TokenCounts }
  | { failure: string }
);
