import { expect, onTestFinished, test } from 'vitest';
import { openChats } from '../fixtures/open-chats.ts';
import { openLoader } from './remote-model.ts';
import { tgiInformation, tgiStream } from './service-fixtures.ts';
import { json, startService, stream } from './stand-in-service.ts';

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
