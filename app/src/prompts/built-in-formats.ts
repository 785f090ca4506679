/**
 * Prompt formats as data, for models whose file carries no template and for people who choose another one.
 * `{bos}`, `{eos}` stand for the tokenizer's own texts, `{content}` for what was said.
 */
export interface BuiltInFormat {
  name: string;
  title: string;
  /** Before everything; where the tokenizer has no such token, nothing. */
  start: string;
  system: string;
  /** Used where the chat has no system message. */
  defaultSystem?: string;
  /** True: the system message is written inside the first user message, at `{system}` of `firstUser`. */
  systemInsideUser?: boolean;
  firstUser?: string;
  user: string;
  assistant: string;
  /** What the model's answer follows. */
  generation: string;
  /** Texts that end an answer where the vocabulary has no token for them. */
  stop: readonly string[];
}

const guanacoSystem =
  'A chat between a curious human and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user's questions.";

const vicunaSystem =
  'A chat between a curious user and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user's questions.";

const alpacaSystem =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';

export const builtInFormats = [
  {
    name: 'llama-2',
    title: 'Llama 2 chat ([INST], <<SYS>>)',
    start: '{bos}',
    system: '<<SYS>>\n{content}\n<</SYS>>\n\n',
    systemInsideUser: true,
    firstUser: '[INST] {system}{content} [/INST]',
    user: '{bos}[INST] {content} [/INST]',
    assistant: ' {content} {eos}',
    generation: '',
    stop: ['[INST]', '<<SYS>>'],
  },
  {
    name: 'transcript',
    title: 'Transcript (User: / Assistant:)',
    start: '{bos}',
    system: '{content}\n\n',
    user: 'User: {content}\n',
    assistant: 'Assistant: {content}\n',
    generation: 'Assistant:',
    stop: ['\nUser:', '\nAssistant:'],
  },
  {
    name: 'guanaco',
    title: 'Guanaco (### Human: / ### Assistant:)',
    start: '{bos}',
    system: '{content}\n',
    defaultSystem: guanacoSystem,
    user: '### Human: {content}\n',
    assistant: '### Assistant: {content}\n',
    generation: '### Assistant:',
    stop: ['### Human:', '### Assistant:'],
  },
  {
    name: 'falcon',
    title: 'Falcon instruct (User: / Falcon:)',
    start: '',
    system: 'System: {content}\n',
    user: 'User: {content}\n',
    assistant: 'Falcon: {content}\n',
    generation: 'Falcon:',
    stop: ['\nUser:', '\nFalcon:', '<|endoftext|>'],
  },
  {
    name: 'alpaca',
    title: 'Alpaca (### Instruction: / ### Response:)',
    start: '{bos}',
    system: '{content}\n\n',
    defaultSystem: alpacaSystem,
    user: '### Instruction:\n{content}\n\n',
    assistant: '### Response:\n{content}\n\n',
    generation: '### Response:\n',
    stop: ['### Instruction:', '### Response:'],
  },
  {
    name: 'vicuna',
    title: 'Vicuna (USER: / ASSISTANT:)',
    start: '{bos}',
    system: '{content} ',
    defaultSystem: vicunaSystem,
    user: 'USER: {content} ',
    assistant: 'ASSISTANT: {content}{eos}',
    generation: 'ASSISTANT:',
    stop: ['USER:', '</s>'],
  },
  {
    name: 'chatml',
    title: 'ChatML (<|im_start|>)',
    start: '{bos}',
    system: '<|im_start|>system\n{content}<|im_end|>\n',
    user: '<|im_start|>user\n{content}<|im_end|>\n',
    assistant: '<|im_start|>assistant\n{content}<|im_end|>\n',
    generation: '<|im_start|>assistant\n',
    stop: ['<|im_end|>', '<|im_start|>'],
  },
  {
    name: 'llama-3',
    title: 'Llama 3 (<|start_header_id|>)',
    start: '{bos}',
    system: '<|start_header_id|>system<|end_header_id|>\n\n{content}<|eot_id|>',
    user: '<|start_header_id|>user<|end_header_id|>\n\n{content}<|eot_id|>',
    assistant: '<|start_header_id|>assistant<|end_header_id|>\n\n{content}<|eot_id|>',
    generation: '<|start_header_id|>assistant<|end_header_id|>\n\n',
    stop: ['<|eot_id|>', '<|start_header_id|>'],
  },
  {
    name: 'gemma',
    title: 'Gemma (<start_of_turn>)',
    start: '{bos}',
    system: '{content}\n\n',
    systemInsideUser: true,
    firstUser: '<start_of_turn>user\n{system}{content}<end_of_turn>\n',
    user: '<start_of_turn>user\n{content}<end_of_turn>\n',
    assistant: '<start_of_turn>model\n{content}<end_of_turn>\n',
    generation: '<start_of_turn>model\n',
    stop: ['<end_of_turn>', '<start_of_turn>'],
  },
  {
    name: 'phi-3',
    title: 'Phi-3 (<|user|>, <|end|>)',
    start: '{bos}',
    system: '<|system|>\n{content}<|end|>\n',
    user: '<|user|>\n{content}<|end|>\n',
    assistant: '<|assistant|>\n{content}<|end|>\n',
    generation: '<|assistant|>\n',
    stop: ['<|end|>', '<|user|>'],
  },
] as const satisfies readonly BuiltInFormat[];

export function findBuiltInFormat(name: string): BuiltInFormat | undefined {
  return builtInFormats.find((format) => format.name === name);
}
