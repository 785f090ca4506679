import { request } from 'undici';

/** What one streamed answer over the OpenAI dialect took, as its reader saw it. */
export interface TimedAnswer {
  text: string;
  firstTokenMs: number;
  /** Between the first and the last piece. */
  generationMs: number;
  tokens: number;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

interface Chunk {
  choices?: { delta?: { content?: string } }[];
  usage?: { completion_tokens?: number } | null;
}

export async function timedChat(
  url: string,
  model: string,
  messages: readonly ChatMessage[],
  tokens: number,
): Promise<TimedAnswer> {
  const started = performance.now();
  const response = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    // A connection of its own: a server at its limit may close one that waits, just when the next question leaves.
    reset: true,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages,
      max_tokens: tokens,
      stream: true,
      ignore_eos: true,
      temperature: 0.8,
      seed: 7,
      stream_options: { include_usage: true },
    }),
  });
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`);
  let [text, rest, first, last, counted] = ['', '', 0, 0, 0];
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    rest += decoder.decode(piece as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk = JSON.parse(line.slice(6)) as Chunk;
      const said = chunk.choices?.[0]?.delta?.content ?? '';
      counted = chunk.usage?.completion_tokens ?? counted;
      if (said === '') continue;
      text += said;
      last = performance.now();
      first ||= last;
    }
  }
  return { text, firstTokenMs: first - started, generationMs: last - first, tokens: counted };
}

export function user(content: string): ChatMessage {
  return { role: 'user', content };
}

/** Tokens a second after the first. */
export function speedOf(answer: TimedAnswer): number {
  return ((answer.tokens - 1) * 1000) / answer.generationMs;
}
