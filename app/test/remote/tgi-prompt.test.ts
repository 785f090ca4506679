import { expect, onTestFinished, test } from 'vitest';
import { openChats, type Answered } from '../fixtures/open-chats.ts';
import { openLoader } from './remote-model.ts';
import { tgiInformation, tgiStream } from './service-fixtures.ts';
import { frames, json, startService, stream, type SeenRequest } from './stand-in-service.ts';

/** Bytes a token where nobody has the tokenizer. */
const bytesPerToken = 3.5;

test.each(['max_input_tokens', 'max_input_length'])('a chat stays below %s of a TGI', async (field) => {
  const { max_input_tokens: mostTokens, ...others } = tgiInformation;
  const service = await startService({
    'GET /info': json(200, { ...others, [field]: mostTokens }),
    'POST /generate_stream': stream(tgiStream),
  });
  const remote = openLoader({ provider: { kind: 'tgi', url: service.url } });
  const { chat, say, chats, owner, remove } = await openChats({ loaders: [remote.loader] });
  onTestFinished(async () => {
    await remove();
    await remote.close();
    await service.close();
  });
  const { id } = await chat({ model: `svc:${tgiInformation.model_id}` });
  // About two thousand tokens in all.
  for (let turn = 1; turn <= 7; turn++) {
    const { end } = await say(id, `Question ${turn}: ${'why '.repeat(250)}`);
    expect(end.reason).not.toBe('failed');
  }
  const inputs = String(service.seen.at(-1)?.body['inputs']);
  expect(Buffer.byteLength(inputs) / bytesPerToken).toBeLessThanOrEqual(mostTokens);
  expect(inputs).toContain('Question 7');
  expect(inputs).not.toContain('Question 1');
  const answer = (await chats.open(owner, id)).messages.at(-1);
  const [receipt] = await chats.receipts(owner, answer!.id);
  expect(receipt?.plan.droppedMessageIds.length).toBeGreaterThan(0);
});

test('an answer that has outgrown it goes on, without the oldest messages', async () => {
  const { max_input_tokens: mostTokens } = tgiInformation;
  const piece = (text: string): string =>
    frames([{ index: 1, token: { id: 1, text, logprob: -1, special: false }, generated_text: null }], false);
  const written = 'because '.repeat(100);
  const tokensOf = ({ body }: SeenRequest): number =>
    Buffer.byteLength(String(body['inputs'])) / bytesPerToken;
  let isBroken = false;
  const service = await startService({
    'GET /info': json(200, tgiInformation),
    'POST /generate_stream': (request, response) => {
      const isLong = tokensOf(request) > mostTokens;
      if (isLong) return json(422, { error: 'inputs too long', error_type: 'validation' })(request, response);
      if (isBroken || tokensOf(request) < mostTokens * 0.85) return stream(tgiStream)(request, response);
      isBroken = true;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(piece(written), () => setTimeout(() => response.destroy(), 50));
    },
  });
  const remote = openLoader({ provider: { kind: 'tgi', url: service.url } });
  const { chat, say, remove } = await openChats({ loaders: [remote.loader] });
  onTestFinished(async () => {
    await remove();
    await remote.close();
    await service.close();
  });
  const { id } = await chat({ model: `svc:${tgiInformation.model_id}` });
  const answers: Answered[] = [];
  while (answers.at(-1)?.end.resumed !== true)
    answers.push(await say(id, `Question ${answers.length + 1}: ${'why '.repeat(100)}`));
  expect(answers.at(-1)!.end.reason).toBe('stop-string');
  expect(answers.at(-1)!.text.startsWith(written)).toBe(true);
  const inputs = String(service.seen.at(-1)?.body['inputs']);
  expect(inputs).toContain(written.trim());
  expect(inputs).not.toContain('Question 1:');
});
