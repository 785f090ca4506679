import { describe, expect, test } from 'vitest';
import {
  chosenModel,
  explainSettings,
  resolveSettings,
  serverLayer,
  type SettingsLayer,
} from './resolve-settings.ts';

const layers: SettingsLayer[] = [
  serverLayer({ model: 'cria', promptFormat: 'own' }),
  { source: 'model', settings: { sampling: { temperature: 0.2, topK: 10 } } },
  { source: 'preference', settings: { systemPrompt: 'Be brief.', sampling: { temperature: 0.4 } } },
  {
    source: 'chat',
    settings: { model: 'other', systemPrompt: null, sampling: { jsonSchema: { type: 'object' } } },
  },
  { source: 'message', settings: { sampling: { temperature: 0, grammar: 'root ::= "x"' } } },
];

describe('settings', () => {
  test('the strongest word counts, each value by itself', () => {
    expect(resolveSettings(layers)).toMatchObject({
      model: 'other',
      systemPrompt: null,
      adapters: [],
      sampling: { temperature: 0, topK: 10, topP: 0.95, maxNewTokens: 512, grammar: 'root ::= "x"' },
    });
    expect(chosenModel(layers)).toBe('other');
  });

  test('a grammar takes the place of a weaker JSON schema', () => {
    expect(resolveSettings(layers).sampling).not.toHaveProperty('jsonSchema');
  });

  test('every value says its source and what it would be without it', () => {
    const explained = Object.fromEntries(explainSettings(layers).map((setting) => [setting.name, setting]));
    expect(explained['sampling.temperature']).toEqual({
      name: 'sampling.temperature',
      value: 0,
      source: 'message',
      inherited: 0.4,
      inheritedFrom: 'preference',
    });
    expect(explained['systemPrompt']).toMatchObject({ value: null, source: 'chat', inherited: 'Be brief.' });
    expect(explained['sampling.topP']).toMatchObject({ value: 0.95, source: 'server' });
  });
});
