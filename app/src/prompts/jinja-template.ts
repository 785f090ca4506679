import { Environment, parse, tokenize } from '@huggingface/jinja';
import { AppError } from '../contracts/app-error.ts';
import type { PromptMessage } from '../contracts/messages.ts';
import { textMethods, writeAsJinja2 } from './as-jinja2.ts';
import { runBounded } from './bounded-interpreter.ts';
import { breakControlTexts, cutBroken, markMessages, unusedMarks } from './marked-messages.ts';
import {
  joinSegments,
  splitOpenAnswer,
  type ChatToRender,
  type PromptSegment,
  type SpecialTexts,
} from './segments.ts';

/** A template is a program from the internet. Time and memory are the worker's to limit; these are the rest. */
export const templateLimits = {
  /** The longest known template has 30 KB. */
  templateBytes: 1024 * 1024,
  /** `range(5000000)` alone exhausts the memory of a process. */
  rangeLength: 100_000,
  listLength: 1_000_000,
  /** No format says everything more than four times; 64 KB for tools and rules it brings itself. */
  textPerInput: 4,
  textExtraChars: 64 * 1024,
} as const;

export interface TemplateTask {
  template: string;
  chat: ChatToRender;
  texts: SpecialTexts;
  /** Texts of the vocabulary's control tokens. */
  controlTexts: readonly string[];
  nowMs: number;
}

/** Renders a model's own template. Runs inside a worker: nothing here bounds its time. */
export function renderTemplate(task: TemplateTask): PromptSegment[] {
  const program = programOf(task.template);
  const { messages, openAnswer } = splitOpenAnswer(task.chat);
  const run = (said: readonly PromptMessage[]): string => runTemplate(program, said, task);
  const segments = renderMessages(run, messages, task);
  if (openAnswer !== null) segments.push({ text: openAnswer, special: false, message: messages.length });
  return joinSegments(segments);
}

function renderMessages(
  run: (messages: readonly PromptMessage[]) => string,
  messages: readonly PromptMessage[],
  task: TemplateTask,
): PromptSegment[] {
  const marks = unusedMarks(
    [task.template, task.texts.bos, task.texts.eos, ...messages.map((message) => message.content)],
    2 * messages.length + 1,
  );
  const plain = run(messages);
  const marked = markMessages(messages, marks);
  const rendered = runMarked(run, marked.messages);
  // Equal without the marks: the template copies its messages whole, and the marks tell whose text is whose.
  if (rendered !== null && marked.strip(rendered) === plain) {
    const segments = marked.cut(rendered);
    if (segments) return segments;
  }
  const breaker = marks.at(-1) ?? '';
  return cutBroken(run(breakControlTexts(messages, task.controlTexts, breaker)), breaker, {
    messages,
    controlTexts: task.controlTexts,
  });
}

/** A template may refuse marked text that it accepts plain (it looks at the first letter, say). */
function runMarked(
  run: (messages: readonly PromptMessage[]) => string,
  messages: readonly PromptMessage[],
): string | null {
  try {
    return run(messages);
  } catch {
    return null;
  }
}

type Program = ReturnType<typeof parse>;

/** A model has one, and every prompt is written by it. */
let lastParsed: { template: string; program: Program } | null = null;

function programOf(template: string): Program {
  if (lastParsed?.template !== template) lastParsed = { template, program: parseTemplate(template) };
  return lastParsed.program;
}

function parseTemplate(template: string): Program {
  if (template.length > templateLimits.templateBytes) {
    throw new AppError('template-failed', "The model's chat template is larger than 1 MB.");
  }
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    writeAsJinja2(program);
    return program;
  } catch (error) {
    throw templateError(error);
  }
}

function runTemplate(program: Program, messages: readonly PromptMessage[], task: TemplateTask): string {
  const environment = new Environment();
  const globals: Record<string, unknown> = {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: refuse,
    range: boundedRange,
    strftime_now: (format: string) => formatTime(new Date(task.nowMs), format),
    messages: messages.map(({ role, content }) => ({ role, content })),
    // As Hugging Face gives them: a template may ask whether they are none, not whether they are defined.
    tools: null,
    documents: null,
    add_generation_prompt: true,
    bos_token: task.texts.bos,
    eos_token: task.texts.eos,
    ...textMethods,
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  const inputChars = messages.reduce((sum, message) => sum + message.content.length, 0);
  const { textPerInput, textExtraChars, listLength } = templateLimits;
  const textLength = textPerInput * inputChars + textExtraChars;
  try {
    return runBounded(program, environment, { textLength, listLength });
  } catch (error) {
    throw templateError(error);
  }
}

/** What the template itself says by `raise_exception`. */
class TemplateRefusal extends Error {
  override readonly name = 'TemplateRefusal';
}

function refuse(message: unknown): never {
  throw new TemplateRefusal(String(message).slice(0, 500));
}

function templateError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const verb = error instanceof TemplateRefusal ? 'refused the chat' : 'failed';
  return new AppError('template-failed', `The model's chat template ${verb}: ${message.slice(0, 500)}`, {
    hint: 'Choose a built-in prompt format for this chat.',
    cause: error,
  });
}

function boundedRange(...bounds: unknown[]): number[] {
  const numbers = bounds.filter((bound) => typeof bound === 'number');
  const [start, stop] = numbers.length < 2 ? [0, numbers[0] ?? 0] : [numbers[0] ?? 0, numbers[1] ?? 0];
  const step = numbers[2] ?? 1;
  if (step === 0) throw new Error('range() with step 0');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > templateLimits.rangeLength) throw new Error(`range() of ${length} numbers`);
  return Array.from({ length }, (_, index) => start + index * step);
}

/** The directives that chat templates use of strftime, in UTC. */
export function formatTime(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = date.toLocaleString('en-GB', { month: 'long', timeZone: 'UTC' });
  const day = date.toLocaleString('en-GB', { weekday: 'long', timeZone: 'UTC' });
  const parts: Record<string, string> = {
    Y: String(date.getUTCFullYear()),
    y: two(date.getUTCFullYear() % 100),
    m: two(date.getUTCMonth() + 1),
    d: two(date.getUTCDate()),
    e: String(date.getUTCDate()).padStart(2, ' '),
    '-d': String(date.getUTCDate()),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    H: two(date.getUTCHours()),
    I: two(date.getUTCHours() % 12 || 12),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    p: date.getUTCHours() < 12 ? 'AM' : 'PM',
    '%': '%',
  };
  return format.replace(/%(-d|[a-zA-Z%])/gu, (whole, name: string) => parts[name] ?? whole);
}
