/**
 * Makes the stand-in of the bundled model: a llama with random weights, so that everything around the model can be
 * built and tested before there is a trained one. `node cria/make-stand-in.ts` writes the same bytes every time.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeTinyRepository } from '../app/test/fixtures/models/tiny-repository.ts';

const chatTemplate = [
  "{%- if messages and messages[0]['role'] == 'system' -%}",
  "{%- set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}{%- set turns = messages[1:] -%}",
  "{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}",
  '{%- for message in turns -%}',
  "{%- if message['role'] == 'user' -%}",
  "{{ bos_token + '[INST] ' + (system if loop.first else '') + message['content'] | trim + ' [/INST]' }}",
  "{%- elif message['role'] == 'assistant' -%}",
  "{{ ' ' + message['content'] | trim + ' ' + eos_token }}",
  '{%- endif -%}{%- endfor -%}',
].join('');

const card = `---
license: mit
tags: [corral, stand-in]
---
# Cria stand-in

**Random weights: a stand-in, not a trained model.** It has the shape of a Llama (2 layers, width 64, 512 pieces) and
answers with nonsense. It exists so that Corral's loading, converting and streaming can be exercised without a download.
Made by \`cria/make-stand-in.ts\`, the same bytes every time.
`;

const folder = import.meta.dirname;
await writeTinyRepository(folder, {
  seed: 2026,
  layers: 2,
  width: 64,
  heads: 4,
  keyValueHeads: 4,
  feedForward: 192,
  contextTokens: 2048,
  vocabularySize: 512,
  dtype: 'bf16',
  sharpness: 4,
  chatTemplate,
});
await writeFile(
  join(folder, 'generation_config.json'),
  `${JSON.stringify({ bos_token_id: 1, eos_token_id: 2, do_sample: true, temperature: 0.7 }, null, 2)}\n`,
);
await writeFile(join(folder, 'README.md'), card);
