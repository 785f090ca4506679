import { Tokenizer } from '@huggingface/tokenizers';
import { looksSpecial } from '../../formats/tokenizer-json/looks-special.ts';
import { encodePrompt, type PromptVocabulary } from '../../prompts/encode-prompt.ts';
import type { PromptSegment } from '../../prompts/segments.ts';
import type { TokenCounts } from './tokenizer-messages.ts';

/** A tokenizer of the Hub, as prompts need it. */
export type HubVocabulary = PromptVocabulary;

interface AddedToken {
  id: number;
  content: string;
  lstrip: boolean;
  rstrip: boolean;
  special: boolean;
}

export function createVocabulary(tokenizerText: string, configText: string): HubVocabulary {
  const json = JSON.parse(tokenizerText) as { added_tokens?: AddedToken[] };
  const tokenizer = new Tokenizer(json, JSON.parse(configText) as object);
  const plain = { add_special_tokens: false };
  const lengths = new Map<number, number>();
  const [firstId] = tokenizer.encode('').ids;
  const added = json.added_tokens ?? [];
  for (const { id, content } of added) lengths.set(id, Buffer.byteLength(content));
  // The others (`<think>`, `<table>`) are words like any: anybody may write them, and the tokenizer finds them itself.
  const control = added.filter(({ special, content }) => special || looksSpecial(content));
  const specialTokens = control.map(({ id, content, lstrip, rstrip }) => ({
    id,
    text: content,
    stripLeft: lstrip,
    stripRight: rstrip,
  }));
  return {
    tokenize(text) {
      const { ids, tokens } = tokenizer.encode(text, plain);
      for (const [index, id] of ids.entries()) lengths.set(id, tokenBytes(tokens[index] ?? ''));
      return ids;
    },
    tokenBytes: (id) => lengths.get(id) ?? 0,
    specialTokens,
    bosId: firstId ?? null,
    addBos: firstId !== undefined,
  };
}

/**
 * Byte-level vocabularies write a byte as a character, sentencepiece ones a blank as `▁` and a byte as `<0x0A>`. Only
 * how tokens are shared out between messages depends on it.
 */
function tokenBytes(token: string): number {
  if (/^<0x[0-9A-F]{2}>$/.test(token)) return 1;
  return /^[\u0021-\u007e\u00a1-\u0143]*$/u.test(token)
    ? token.length
    : Buffer.byteLength(token.replaceAll('▁', ' '));
}

export function countSegments(
  vocabulary: HubVocabulary,
  task: { segments: readonly PromptSegment[]; messageCount: number; addBos: boolean },
): TokenCounts {
  const used = { ...vocabulary, addBos: vocabulary.addBos && task.addBos };
  const { messageTokens, overheadTokens } = encodePrompt(task.segments, used, task.messageCount);
  return { messageTokens, overheadTokens };
}
