import { createInterface } from 'node:readline/promises';
import type { ChatSettings } from '../contracts/chats.ts';
import { AppError } from '../contracts/app-error.ts';
import { type AnswerSummary, Conversation } from './chat/conversation.ts';
import type { Command, CommandContext, CommandOptions } from './command.ts';
import { reportError } from './render/output.ts';

const help = `/clear        start over in the same chat; what was said goes to the trash
/model REF    answer with another model from now on
/system TEXT  set the system prompt; without text remove it
/help         this list
/quit         leave (or Ctrl-D); Ctrl-C stops an answer`;

function settingsOf(options: CommandOptions): ChatSettings {
  const temperature = options['temperature'] === undefined ? undefined : Number(options['temperature']);
  if (temperature !== undefined && !(temperature >= 0 && temperature <= 5)) {
    throw new AppError(
      'value-out-of-range',
      `--temperature is "${String(options['temperature'])}"; allowed: 0 to 5`,
    );
  }
  return {
    ...(options['model'] === undefined ? {} : { model: String(options['model']) }),
    ...(options['system'] === undefined ? {} : { systemPrompt: String(options['system']) }),
    ...(temperature === undefined ? {} : { sampling: { temperature } }),
  };
}

async function open(context: CommandContext, options: CommandOptions): Promise<Conversation> {
  const api = await context.api();
  const settings = settingsOf(options);
  if (options['continue'] !== true) return Conversation.start(api, settings, options['temporary'] === true);
  const conversation = await Conversation.last(api);
  if (Object.keys(settings).length > 0) await conversation.change(settings);
  return conversation;
}

/** Writes the answer as it comes; on a terminal with what is going on before the first word. */
async function answer(
  context: CommandContext,
  conversation: Conversation,
  content: string,
  signal: AbortSignal,
): Promise<AnswerSummary & { text: string }> {
  const { output } = context;
  let text = '';
  const summary = await conversation.say(
    content,
    {
      text: (delta) => {
        if (text === '') output.status('');
        text += delta;
        output.write(delta);
      },
      status: (status) => {
        if (text === '') output.status(status);
      },
    },
    signal,
  );
  output.status('');
  output.line();
  return { ...summary, text };
}

/** What is piped in is one message; its answer is all that is printed. */
async function answerOnce(
  context: CommandContext,
  conversation: Conversation,
  message: string,
): Promise<void> {
  const result = await answer(context, conversation, message, context.signal);
  context.output.json(result);
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8').trim();
}

/** True: the line was an instruction and is done. */
async function obey(line: string, conversation: Conversation, context: CommandContext): Promise<boolean> {
  const [word = '', ...rest] = line.split(' ');
  const argument = rest.join(' ').trim();
  if (!word.startsWith('/')) return false;
  if (word === '/clear') await conversation.clear();
  else if (word === '/model' && argument !== '') await conversation.change({ model: argument });
  else if (word === '/system') await conversation.change({ systemPrompt: argument === '' ? null : argument });
  else context.output.line(context.output.style('dim', help));
  return true;
}

async function converse(context: CommandContext, conversation: Conversation): Promise<void> {
  const { output } = context;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  let stopping: AbortController | undefined;
  terminal.on('SIGINT', () => (stopping ? stopping.abort() : terminal.close()));
  output.line(output.style('dim', `${conversation.title} · /help for what you can do here`));
  terminal.setPrompt(output.style('bold', '› '));
  terminal.prompt();
  for await (const line of terminal) {
    const content = line.trim();
    if (content === '/quit') break;
    try {
      if (content !== '' && !(await obey(content, conversation, context))) {
        stopping = new AbortController();
        const { tokens, tokensPerSecond } = await answer(context, conversation, content, stopping.signal);
        const speed = tokensPerSecond === null ? '' : ` · ${tokensPerSecond.toFixed(1)} tokens/s`;
        if (tokens !== null) output.line(output.style('dim', `${tokens} tokens${speed}`));
      }
    } catch (error) {
      reportError(error, output, false);
    }
    stopping = undefined;
    terminal.prompt();
  }
  terminal.close();
}

export const chatCommand: Command = {
  name: 'chat',
  arguments: [
    { name: '[message...]', about: 'one message; without one a conversation, or what is piped in' },
  ],
  about: 'Talk to a model in the terminal. The chat is the same kind as in the page, and is found there.',
  options: [
    { flags: '--system <text>', about: 'system prompt' },
    { flags: '--temperature <number>', about: '0 for the likeliest words, higher for more variety' },
    { flags: '--continue', about: 'go on with the chat that was spoken in last' },
    { flags: '--temporary', about: 'leave nothing behind' },
  ],
  settings: ['model', 'contextTokens'],
  async run(context, { arguments: words, options }) {
    const conversation = await open(context, options);
    if (words.length > 0) return answerOnce(context, conversation, words.join(' '));
    if (process.stdin.isTTY) return converse(context, conversation);
    const message = await readAll();
    if (message === '') throw new AppError('usage', 'there is no message: nothing was piped in');
    return answerOnce(context, conversation, message);
  },
};
