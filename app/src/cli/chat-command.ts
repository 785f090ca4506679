import { createInterface } from 'node:readline/promises';
import { addAbortSignal } from 'node:stream';
import type { ChatSettings } from '../contracts/chats.ts';
import { AppError } from '../contracts/app-error.ts';
import { Conversation } from './chat/conversation.ts';
import type { Answer, AnswerListener } from './chat/follow-answer.ts';
import type { Command, CommandContext, CommandOptions } from './command.ts';
import { absoluteReference } from './models/absolute-reference.ts';
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

interface Wish {
  settings: ChatSettings;
  isContinued: boolean;
  isTemporary: boolean;
}

function wishOf(options: CommandOptions): Wish {
  const isContinued = options['continue'] === true;
  const isTemporary = options['temporary'] === true;
  if (isContinued && isTemporary)
    throw new AppError('usage', '--continue and --temporary exclude each other', {
      hint: 'The chat that is gone on with keeps all that is said in it.',
    });
  return { settings: settingsOf(options), isContinued, isTemporary };
}

/** What is done in a temporary chat leaves nothing in a server that goes on. */
async function inChat(
  context: CommandContext,
  wish: Wish,
  work: (conversation: Conversation) => Promise<void>,
): Promise<void> {
  const conversation = await open(context, wish);
  try {
    refuseStopped(context.signal);
    await work(conversation);
  } finally {
    await conversation.close();
  }
}

async function open(context: CommandContext, wish: Wish): Promise<Conversation> {
  const server = await context.api();
  refuseStopped(context.signal);
  const { settings, isContinued, isTemporary } = wish;
  if (!isContinued) return Conversation.start(server, settings, isTemporary);
  const conversation = await Conversation.last(server);
  if (await conversation.endLeftAnswer())
    context.output.note('The last answer was never finished: it ends with what there is of it.');
  if (Object.keys(settings).length > 0) await conversation.change(settings);
  return conversation;
}

function refuseStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'the command was stopped');
}

/** Writes the answer as it comes; on a terminal with what is going on before the first word. */
async function answer(
  context: CommandContext,
  conversation: Conversation,
  content: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { output } = context;
  let hasBegun = false;
  const listener: AnswerListener = {
    text: (text) => {
      if (!hasBegun) output.status('');
      hasBegun = true;
      output.write(text);
    },
    status: (status) => {
      if (!hasBegun) output.status(status);
    },
  };
  try {
    return await conversation.say(content, listener, signal);
  } finally {
    // The current line of a terminal is a status, or else the answer's last line, which stays.
    if (hasBegun) output.line();
    else output.status('');
  }
}

/** What is piped in is one message; its answer is all that is printed. A part of one is no success. */
async function answerOnce(
  context: CommandContext,
  conversation: Conversation,
  message: string,
): Promise<void> {
  const result = await answer(context, conversation, message, context.signal);
  if (result.reason === 'aborted') throw new AppError('cancelled', 'the answer was stopped');
  context.output.json(result);
}

async function readAll(signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(signal, process.stdin)) chunks.push(chunk as Buffer);
  } catch (error) {
    refuseStopped(signal);
    throw error;
  }
  return Buffer.concat(chunks).toString('utf8').trim();
}

/** True: the line was an instruction and is done. */
async function obey(line: string, conversation: Conversation, context: CommandContext): Promise<boolean> {
  const [word = '', ...rest] = line.split(' ');
  const argument = rest.join(' ').trim();
  if (!word.startsWith('/')) return false;
  if (word === '/clear') await conversation.clear();
  else if (word === '/model' && argument !== '')
    await conversation.change({ model: absoluteReference(argument) });
  else if (word === '/system') await conversation.change({ systemPrompt: argument === '' ? null : argument });
  else context.output.line(context.output.style('dim', help));
  return true;
}

async function converse(context: CommandContext, conversation: Conversation): Promise<void> {
  const { output, signal } = context;
  const terminal = createInterface({ input: process.stdin, output: process.stdout, signal });
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
        const stopped = AbortSignal.any([signal, stopping.signal]);
        const { tokens, tokensPerSecond } = await answer(context, conversation, content, stopped);
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
    const wish = wishOf(options);
    if (words.length === 0 && process.stdin.isTTY) {
      if (context.output.isJson) throw new AppError('usage', '--json is for one message, given or piped in');
      return inChat(context, wish, (conversation) => converse(context, conversation));
    }
    const message = words.length > 0 ? words.join(' ') : await readAll(context.signal);
    if (message === '') throw new AppError('usage', 'there is no message: nothing was piped in');
    return inChat(context, wish, (conversation) => answerOnce(context, conversation, message));
  },
};
