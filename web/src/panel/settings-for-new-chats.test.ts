import { expect, test } from 'vitest';
import { addedTo } from './settings-for-new-chats.ts';

test('what a chat does not say stays as it was, sampling value by value', () => {
  const before = { model: 'cria', sampling: { temperature: 0.2, topK: 40 } };
  expect(addedTo(before, { systemPrompt: 'Be brief.', sampling: { topK: 10 } })).toEqual({
    model: 'cria',
    systemPrompt: 'Be brief.',
    sampling: { temperature: 0.2, topK: 10 },
  });
  expect(addedTo(before, { model: 'other' })).toEqual({ ...before, model: 'other' });
  expect(addedTo({}, { sampling: { topK: 10 } })).toEqual({ sampling: { topK: 10 } });
  expect(addedTo({}, { model: 'other' })).toEqual({ model: 'other' });
});

test('a grammar takes the place of a JSON schema, and the other way round', () => {
  const grammar = { sampling: { temperature: 0.2, grammar: 'root ::= "a"' } };
  const schema = { sampling: { temperature: 0.2, jsonSchema: { type: 'object' } } };
  expect(addedTo(grammar, { sampling: { jsonSchema: { type: 'object' } } })).toEqual(schema);
  expect(addedTo(schema, { sampling: { grammar: 'root ::= "a"' } })).toEqual(grammar);
});
