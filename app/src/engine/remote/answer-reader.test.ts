import { expect, test } from 'vitest';
import type { RunPart } from '../../contracts/run-parts.ts';
import { chatRequest } from '../contract/answers.ts';
import { AnswerReader } from './answer-reader.ts';
import type { RemoteProvider } from './remote-provider.ts';
import type { ServiceEvent } from './service-events.ts';

const provider: RemoteProvider = {
  name: 'svc',
  kind: 'openai',
  url: 'https://api.openai.com/v1',
  key: '',
  from: 'environment',
  keyProblem: null,
};

/** What is shown of these pieces where three tokens are wanted. */
function shown(pieces: string[], endsByLength: boolean, stop: string[] = []) {
  const parts: RunPart[] = [];
  const request = chatRequest('Hello', { maxNewTokens: 3, stop });
  const reader = new AnswerReader(request, { continueAnswer: false, endsByLength }, (part) => {
    parts.push(part);
  });
  const events: ServiceEvent[] = [...pieces.map((text) => ({ text })), { finish: { reason: 'stop' } }];
  for (const event of events) reader.take(event, provider);
  const { isStopped } = reader;
  reader.finish(0);
  const text = parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');
  return { text, isStopped, end: parts.at(-1) };
}

test('an answer of a service that was allowed more ends at the length that was asked for', () => {
  const end = { type: 'end', reason: 'length' };
  expect(shown(['a', 'b', 'c', 'd', 'e'], false)).toEqual({ text: 'abc', isStopped: true, end });
  // What was held back as the beginning of a stop string belongs to it.
  expect(shown(['a', 'b', 'U', 'V'], false, ['User'])).toEqual({ text: 'abU', isStopped: true, end });
});

test.each([
  ['is exactly as long', ['a', 'b', 'c'], false],
  ['comes from a service that ends it by itself', ['a', 'b', 'c', 'd'], true],
])('one that %s is whole', (_, pieces, endsByLength) => {
  const end = { type: 'end', reason: 'stop' };
  expect(shown(pieces, endsByLength)).toEqual({ text: pieces.join(''), isStopped: false, end });
});
