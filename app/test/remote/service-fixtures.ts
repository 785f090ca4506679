import { frames } from './stand-in-service.ts';

/**
 * Answers as the services really write them: field for field what vLLM 0.10, SGLang 0.5, llama-server, Ollama,
 * LM Studio, OpenRouter, OpenAI, Hugging Face's router and TGI 2 and 3 send, shortened to a few tokens.
 */
export interface ServiceFixture {
  /** Title that our list gives it. */
  title: string;
  models: unknown;
  model: string;
  contextTokens: number | null;
  stream: string;
  text: string;
  end: { reason: string; stopString?: string };
  usage: { promptTokens: number; completionTokens: number; cachedTokens: number } | null;
}

const chunk = (model: string, delta: object, more: object = {}): object => ({
  id: 'chatcmpl-8f0c',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model,
  choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }],
});

const usageChunk = (model: string, usage: object): object => ({
  id: 'chatcmpl-8f0c',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model,
  choices: [],
  usage,
});

const falcon = 'tiiuae/falcon-7b-instruct';

export const vllm: ServiceFixture = {
  title: 'vLLM',
  model: falcon,
  models: {
    object: 'list',
    data: [
      {
        id: falcon,
        object: 'model',
        created: 1_764_000_000,
        owned_by: 'vllm',
        root: falcon,
        parent: null,
        max_model_len: 2048,
        permission: [{ id: 'modelperm-1', object: 'model_permission', allow_sampling: true }],
      },
    ],
  },
  contextTokens: 2048,
  stream: frames([
    chunk(falcon, { role: 'assistant', content: '' }),
    chunk(falcon, { content: 'Grüße' }),
    chunk(falcon, { content: ', 世界 🌍' }),
    chunk(falcon, { content: '' }, { finish_reason: 'stop', stop_reason: '\nUser:' }),
    usageChunk(falcon, {
      prompt_tokens: 21,
      total_tokens: 27,
      completion_tokens: 6,
      prompt_tokens_details: { cached_tokens: 16 },
    }),
  ]),
  text: 'Grüße, 世界 🌍',
  end: { reason: 'stop-string', stopString: '\nUser:' },
  usage: { promptTokens: 21, completionTokens: 6, cachedTokens: 16 },
};

export const sglang: ServiceFixture = {
  title: 'SGLang',
  model: 'qwen/qwen2.5-0.5b-instruct',
  models: {
    object: 'list',
    data: [
      {
        id: 'qwen/qwen2.5-0.5b-instruct',
        object: 'model',
        created: 1_764_000_000,
        owned_by: 'sglang',
        root: 'qwen/qwen2.5-0.5b-instruct',
        max_model_len: 32_768,
      },
    ],
  },
  contextTokens: 32_768,
  stream: frames([
    {
      id: '1a2b',
      object: 'chat.completion.chunk',
      created: 1_764_000_000,
      model: 'qwen/qwen2.5-0.5b-instruct',
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: '', reasoning_content: null, tool_calls: null },
          logprobs: null,
          finish_reason: null,
          matched_stop: null,
        },
      ],
      usage: null,
    },
    chunk('qwen', { role: null, content: 'Four', reasoning_content: null, tool_calls: null }),
    chunk('qwen', { role: null, content: null, reasoning_content: null }, { finish_reason: 'length' }),
    usageChunk('qwen', {
      prompt_tokens: 30,
      total_tokens: 31,
      completion_tokens: 1,
      prompt_tokens_details: null,
    }),
  ]),
  text: 'Four',
  end: { reason: 'length' },
  usage: { promptTokens: 30, completionTokens: 1, cachedTokens: 0 },
};

export const llamaServer: ServiceFixture = {
  title: 'llama-server',
  model: 'llama-2-7b-chat.Q4_K_M.gguf',
  models: {
    models: [{ name: 'llama-2-7b-chat.Q4_K_M.gguf', model: 'llama-2-7b-chat.Q4_K_M.gguf', type: 'model' }],
    object: 'list',
    data: [
      {
        id: 'llama-2-7b-chat.Q4_K_M.gguf',
        object: 'model',
        created: 1_764_000_000,
        owned_by: 'llamacpp',
        meta: {
          vocab_type: 1,
          n_vocab: 32_000,
          n_ctx_train: 4096,
          n_embd: 4096,
          n_params: 6_738_415_616,
          size: 4,
        },
      },
    ],
  },
  contextTokens: 4096,
  stream: frames([
    chunk('llama', { role: 'assistant', content: null }),
    chunk('llama', { content: 'Yes' }),
    chunk('llama', { content: '.' }),
    chunk('llama', {}, { finish_reason: 'stop' }),
    {
      choices: [],
      created: 1_764_000_000,
      id: 'chatcmpl-8f0c',
      model: 'llama',
      system_fingerprint: 'b6000-1',
      object: 'chat.completion.chunk',
      usage: { completion_tokens: 3, prompt_tokens: 12, total_tokens: 15 },
      timings: { cache_n: 0, prompt_n: 12, prompt_ms: 80.1, predicted_n: 3, predicted_ms: 60.2 },
    },
  ]),
  text: 'Yes.',
  end: { reason: 'stop' },
  usage: { promptTokens: 12, completionTokens: 3, cachedTokens: 0 },
};

export const ollama: ServiceFixture = {
  title: 'Ollama',
  model: 'llama3.2:1b',
  models: {
    object: 'list',
    data: [{ id: 'llama3.2:1b', object: 'model', created: 1_764_000_000, owned_by: 'library' }],
  },
  contextTokens: 4096,
  stream: frames([
    { ...chunk('llama3.2:1b', { role: 'assistant', content: 'Hi' }), system_fingerprint: 'fp_ollama' },
    {
      ...chunk('llama3.2:1b', { role: 'assistant', content: '' }, { finish_reason: 'stop' }),
      system_fingerprint: 'fp_ollama',
    },
    usageChunk('llama3.2:1b', { prompt_tokens: 26, completion_tokens: 2, total_tokens: 28 }),
  ]),
  text: 'Hi',
  end: { reason: 'stop' },
  usage: { promptTokens: 26, completionTokens: 2, cachedTokens: 0 },
};

/** LM Studio: no usage unless a newer release; carriage returns in its lines. */
export const lmStudio: ServiceFixture = {
  title: 'LM Studio',
  model: 'qwen2.5-7b-instruct',
  models: {
    data: [{ id: 'qwen2.5-7b-instruct', object: 'model', owned_by: 'organization_owner' }],
    object: 'list',
  },
  contextTokens: null,
  stream: frames([
    chunk('qwen', { role: 'assistant', content: 'Sure' }),
    chunk('qwen', {}, { finish_reason: 'stop' }),
  ]).replaceAll('\n', '\r\n'),
  text: 'Sure',
  end: { reason: 'stop' },
  usage: null,
};

/** OpenRouter keeps the line open with comments and streams what the model thinks. */
export const openRouter: ServiceFixture = {
  title: 'OpenAI-compatible',
  model: 'deepseek/deepseek-r1',
  models: {
    data: [
      {
        id: 'deepseek/deepseek-r1',
        canonical_slug: 'deepseek/deepseek-r1',
        name: 'DeepSeek: R1',
        created: 1_764_000_000,
        context_length: 163_840,
        architecture: { modality: 'text->text', tokenizer: 'DeepSeek', instruct_type: 'deepseek-r1' },
        pricing: { prompt: '0.0000004', completion: '0.000002' },
        top_provider: { context_length: 163_840, max_completion_tokens: null, is_moderated: false },
        supported_parameters: ['max_tokens', 'temperature', 'top_p', 'stop', 'seed'],
      },
    ],
  },
  contextTokens: 163_840,
  stream:
    ': OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n' +
    frames([
      {
        ...chunk('deepseek/deepseek-r1', { role: 'assistant', content: '', reasoning: 'Let me' }),
        provider: 'X',
      },
      {
        ...chunk('deepseek/deepseek-r1', { role: 'assistant', content: '', reasoning: ' see.' }),
        provider: 'X',
      },
      { ...chunk('deepseek/deepseek-r1', { role: 'assistant', content: 'Four.' }), provider: 'X' },
      chunk('deepseek/deepseek-r1', { content: '' }, { finish_reason: 'stop', native_finish_reason: 'stop' }),
      usageChunk('deepseek/deepseek-r1', { prompt_tokens: 9, completion_tokens: 8, total_tokens: 17 }),
    ]),
  text: '<think>\nLet me see.\n</think>\n\nFour.',
  end: { reason: 'stop' },
  usage: { promptTokens: 9, completionTokens: 8, cachedTokens: 0 },
};

/** What it thinks and what it says come as parts of a content that is a list; later pieces as plain text. */
export const magistral: ServiceFixture = {
  title: 'OpenAI-compatible',
  model: 'magistral-small-latest',
  models: {
    object: 'list',
    data: [
      {
        id: 'magistral-small-latest',
        object: 'model',
        created: 1_764_000_000,
        owned_by: 'mistralai',
        capabilities: { completion_chat: true, completion_fim: false },
        max_context_length: 40_960,
        aliases: [],
        type: 'base',
      },
    ],
  },
  contextTokens: 40_960,
  stream: frames([
    chunk('magistral', { role: 'assistant', content: '' }),
    chunk('magistral', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Let me' }] }] }),
    chunk('magistral', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: ' see.' }] }] }),
    chunk('magistral', { content: [{ type: 'text', text: 'Four' }] }),
    {
      ...chunk('magistral', { content: '.' }, { finish_reason: 'stop' }),
      usage: { prompt_tokens: 9, total_tokens: 17, completion_tokens: 8 },
    },
  ]),
  text: '<think>\nLet me see.\n</think>\n\nFour.',
  end: { reason: 'stop' },
  usage: { promptTokens: 9, completionTokens: 8, cachedTokens: 0 },
};

export const huggingFace: ServiceFixture = {
  title: 'Hugging Face',
  model: 'meta-llama/Llama-3.1-8B-Instruct',
  models: {
    object: 'list',
    data: [
      {
        id: 'meta-llama/Llama-3.1-8B-Instruct',
        object: 'model',
        created: 1_764_000_000,
        owned_by: 'meta-llama',
        architecture: { input_modalities: ['text'], output_modalities: ['text'] },
        providers: [
          { provider: 'cerebras', status: 'live', context_length: 32_768, supports_tools: false },
          { provider: 'novita', status: 'live', context_length: 16_384, supports_tools: false },
        ],
      },
    ],
  },
  contextTokens: 16_384,
  stream: frames([
    chunk('llama3.1-8b', { role: 'assistant', content: 'Bonjour' }),
    chunk('llama3.1-8b', { content: ' 🌍' }),
    chunk('llama3.1-8b', {}, { finish_reason: 'stop' }),
    usageChunk('llama3.1-8b', { prompt_tokens: 40, completion_tokens: 4, total_tokens: 44 }),
  ]),
  text: 'Bonjour 🌍',
  end: { reason: 'stop' },
  usage: { promptTokens: 40, completionTokens: 4, cachedTokens: 0 },
};

export const tgiInformation = {
  model_id: falcon,
  model_sha: '8782b5c5d8c9290412416618f36a133653e85285',
  model_dtype: 'torch.float16',
  model_device_type: 'cuda',
  model_pipeline_tag: 'text-generation',
  max_concurrent_requests: 128,
  max_best_of: 2,
  max_stop_sequences: 4,
  max_input_tokens: 1024,
  max_total_tokens: 2048,
  validation_workers: 2,
  max_client_batch_size: 4,
  router: 'text-generation-router',
  version: '3.3.6',
  sha: 'abc',
  docker_label: null,
};

const token = (id: number, text: string, special = false) => ({ id, text, logprob: -0.25, special });

/** TGI 3: the stop sequence is part of the text, and there is no `[DONE]`. */
export const tgiStream = frames(
  [
    { index: 1, token: token(9856, ' Hello'), generated_text: null, details: null },
    { index: 2, token: token(23, '!'), generated_text: null, details: null },
    { index: 3, token: token(193, '\n'), generated_text: null, details: null },
    {
      index: 4,
      token: token(1234, 'User:'),
      generated_text: ' Hello!\nUser:',
      details: { finish_reason: 'stop_sequence', generated_tokens: 4, seed: 1, input_length: 25 },
    },
  ],
  false,
).replaceAll('data: ', 'data:');

/** TGI 1 and 2 do not tell how long the prompt was; the end token is special. */
export const olderTgiStream = frames(
  [
    { index: 1, token: token(9856, ' Hello'), generated_text: null, details: null },
    {
      index: 2,
      token: token(11, '<|endoftext|>', true),
      generated_text: ' Hello',
      details: { finish_reason: 'eos_token', generated_tokens: 2, seed: null },
    },
  ],
  false,
).replaceAll('data: ', 'data:');
