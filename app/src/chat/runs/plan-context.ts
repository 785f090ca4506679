import type { ChatMessage } from '../../contracts/chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import type { ContextPlan, PlannedMessage } from '../../contracts/runs.ts';
import type { CountResult, Engine, Prompt } from '../../engine/engine.ts';
import { exchangesOf } from '../../lib/message-tree.ts';

export type PlanMessage = Pick<ChatMessage, 'id' | 'role' | 'content' | 'pinned'>;

export interface PlanRequest {
  /** The branch, first message first; its last message is the one to be answered, or the answer to be continued. */
  branch: readonly PlanMessage[];
  systemPrompt: string | null;
  format: string | null;
  rememberExchanges: number | null;
  maxNewTokens: number;
  contextTokens: number;
  /** The longest prompt that the model takes, where that is less than the context. */
  mostPromptTokens?: number;
  /** What a new plan finds written of its answer already; it goes to the model with the prompt. */
  writtenTokens?: number;
  continueAnswer: boolean;
}

/** No more than half of the context is kept for the answer, however long it may become. */
const largestReserve = 0.5;

type Counter = Pick<Engine, 'count'>;

/** One exchange, or a part of the branch that always stays. */
interface Block {
  messages: readonly PlanMessage[];
  keep: boolean;
  why: PlannedMessage['why'];
}

/**
 * What the model will see: the system prompt, pinned exchanges and the current one always; the others newest first as
 * far as they fit whole. Counts are the engine's. Nothing is cut inside a message: when what must stay does not fit,
 * the plan says so (`fits: false`).
 */
export async function planContext(
  engine: Counter,
  request: PlanRequest,
  signal?: AbortSignal,
): Promise<ContextPlan> {
  const reservedTokens = reserveOf(request);
  const room = Math.min(request.contextTokens - reservedTokens, mostPlanned(request));
  const blocks = blocksOf(request);
  /** Of every message that was counted: what falls out of sight is told with its tokens as well. */
  const known = new Map<string | null, number>();
  const count = async (seen: readonly Block[]): Promise<CountResult> => {
    const result = await engine.count(promptOf(request, messagesOf(seen)), signal);
    for (const [id, tokens] of tokensByMessage(request, messagesOf(seen), result))
      if (!known.has(id)) known.set(id, tokens);
    return result;
  };

  const forgotten = blocks.filter((block) => block.why === 'not-remembered');
  if (forgotten.length > 0) await count(forgotten);
  let seen = blocks.filter((block) => block.why !== 'not-remembered');
  let counted = await count(seen);
  while (counted.totalTokens > room) {
    const fewer = withoutOldest(seen, counted, { request, room });
    if (!fewer) break;
    seen = fewer;
    counted = await count(seen);
  }
  const grown = await regrow({ blocks, seen, count, room });
  if (grown) [seen, counted] = grown;
  return describePlan(request, {
    blocks,
    seen: new Set(seen),
    known,
    counted,
    fits: counted.totalTokens <= room,
    reservedTokens,
  });
}

/** Room for the answer: as much as it may take, within bounds. */
function reserveOf({ maxNewTokens, contextTokens }: PlanRequest): number {
  return Math.min(maxNewTokens, Math.max(1, Math.floor(contextTokens * largestReserve)));
}

type PromptLimits = Pick<PlanRequest, 'mostPromptTokens' | 'writtenTokens'>;

function mostPlanned({ mostPromptTokens, writtenTokens = 0 }: PromptLimits): number {
  return mostPromptTokens === undefined ? Number.POSITIVE_INFINITY : mostPromptTokens - writtenTokens;
}

function blocksOf(request: PlanRequest): Block[] {
  const exchanges = exchangesOf(request.branch);
  const remembered = request.rememberExchanges ?? exchanges.length;
  return exchanges.map((messages, index): Block => {
    if (index === exchanges.length - 1) return { messages, keep: true, why: 'current' };
    if (messages.some((message) => message.pinned)) return { messages, keep: true, why: 'pinned' };
    if (messages.some((message) => message.role === 'system')) return { messages, keep: true, why: 'system' };
    const old = index < exchanges.length - 1 - remembered;
    return { messages, keep: false, why: old ? 'not-remembered' : 'fits' };
  });
}

/** Drops as many of the oldest exchanges as the counts at hand say are too many, at least one; null: none may go. */
function withoutOldest(
  seen: readonly Block[],
  counted: CountResult,
  limits: { request: PlanRequest; room: number },
): Block[] | null {
  const tokens = tokensByMessage(limits.request, messagesOf(seen), counted);
  let excess = counted.totalTokens - limits.room;
  const gone = new Set<Block>();
  for (const block of seen) {
    if (excess <= 0) break;
    if (block.keep) continue;
    gone.add(block);
    for (const message of block.messages) excess -= tokens.get(message.id) ?? 0;
  }
  return gone.size === 0 ? null : seen.filter((block) => !gone.has(block));
}

/**
 * The parts of a prompt do not add up exactly (the first message carries the system prompt in some formats), so the
 * newest exchange that was dropped for room is tried once more with its real count.
 */
async function regrow(state: {
  blocks: readonly Block[];
  seen: readonly Block[];
  count: (seen: readonly Block[]) => Promise<CountResult>;
  room: number;
}): Promise<[Block[], CountResult] | null> {
  const seen = new Set(state.seen);
  const newestDropped = state.blocks.findLast((block) => block.why === 'fits' && !seen.has(block));
  if (!newestDropped) return null;
  const tried = state.blocks.filter((block) => seen.has(block) || block === newestDropped);
  const counted = await state.count(tried);
  return counted.totalTokens <= state.room ? [tried, counted] : null;
}

function messagesOf(blocks: readonly Block[]): PlanMessage[] {
  return blocks.flatMap((block) => block.messages);
}

/** The prompt for these messages. Neighbours of one role become one message, as most formats demand. */
export function promptOf(
  request: Pick<PlanRequest, 'systemPrompt' | 'format' | 'continueAnswer'>,
  messages: readonly Pick<PlanMessage, 'role' | 'content'>[],
): Prompt {
  return {
    kind: 'chat',
    messages: joined(request.systemPrompt, messages).map((group) => group.message),
    ...(request.format === null ? {} : { format: request.format }),
    ...(request.continueAnswer ? { continueAnswer: true } : {}),
  };
}

/** Groups of neighbours of one role; `members` are indices into `messages`, -1 is the system prompt. */
function joined(
  systemPrompt: string | null,
  messages: readonly Pick<PlanMessage, 'role' | 'content'>[],
): { message: PromptMessage; members: number[] }[] {
  const groups: { message: PromptMessage; members: number[] }[] = [];
  const add = (message: PromptMessage, member: number): void => {
    const last = groups.at(-1);
    if (last?.message.role !== message.role) groups.push({ message, members: [member] });
    else {
      last.members.push(member);
      const parts = [last.message.content, message.content].filter((part) => part !== '');
      last.message = { role: message.role, content: parts.join('\n\n') };
    }
  };
  if (systemPrompt !== null && systemPrompt !== '') add({ role: 'system', content: systemPrompt }, -1);
  for (const [index, { role, content }] of messages.entries()) {
    const silent = role === 'assistant' && content === '' && index < messages.length - 1;
    if (!silent) add({ role, content }, index);
  }
  return groups;
}

/** Tokens of each message; those joined into one share its count by length. */
function tokensByMessage(
  request: PlanRequest,
  messages: readonly PlanMessage[],
  counted: CountResult,
): Map<string | null, number> {
  const tokens = new Map<string | null, number>();
  const contentOf = (member: number): string =>
    (member < 0 ? request.systemPrompt : messages[member]?.content) ?? '';
  for (const [index, group] of joined(request.systemPrompt, messages).entries()) {
    let left = counted.messageTokens[index] ?? 0;
    const length = Math.max(1, group.message.content.length);
    for (const [position, member] of group.members.entries()) {
      const isLast = position === group.members.length - 1;
      const share = isLast ? left : Math.min(left, Math.round((left * contentOf(member).length) / length));
      tokens.set(messages[member]?.id ?? null, share);
      left -= share;
    }
  }
  return tokens;
}

function describePlan(
  request: PlanRequest,
  outcome: {
    blocks: readonly Block[];
    seen: ReadonlySet<Block>;
    known: ReadonlyMap<string | null, number>;
    counted: CountResult;
    fits: boolean;
    reservedTokens: number;
  },
): ContextPlan {
  const seenMessages = messagesOf(outcome.blocks.filter((block) => outcome.seen.has(block)));
  const tokens = new Map([...outcome.known, ...tokensByMessage(request, seenMessages, outcome.counted)]);
  const messages: PlannedMessage[] = [];
  if (request.systemPrompt !== null && request.systemPrompt !== '')
    messages.push({
      messageId: null,
      role: 'system',
      tokens: tokens.get(null) ?? 0,
      characters: request.systemPrompt.length,
      seen: true,
      why: 'system',
    });
  for (const block of outcome.blocks)
    for (const message of block.messages) messages.push(planned(message, block, { outcome, tokens }));
  const dropped = messages.filter((message) => !message.seen);
  return {
    contextTokens: request.contextTokens,
    reservedTokens: outcome.reservedTokens,
    promptTokens: outcome.counted.totalTokens,
    exact: outcome.counted.exact,
    fits: outcome.fits,
    rememberExchanges: request.rememberExchanges,
    messages,
    droppedMessageIds: dropped.flatMap((message) => message.messageId ?? []),
    firstSeenMessageId:
      dropped.length === 0 ? null : (seenAfterLastDrop(messages) ?? request.branch.at(-1)?.id ?? null),
  };
}

function planned(
  message: PlanMessage,
  block: Block,
  known: { outcome: { seen: ReadonlySet<Block> }; tokens: ReadonlyMap<string | null, number> },
): PlannedMessage {
  const seen = known.outcome.seen.has(block);
  return {
    messageId: message.id,
    role: message.role,
    tokens: known.tokens.get(message.id) ?? 0,
    characters: message.content.length,
    seen,
    why: !seen && block.why === 'fits' ? 'no-room' : block.why,
  };
}

/** The page's line stands above the first message after which nothing is missing. */
function seenAfterLastDrop(messages: readonly PlannedMessage[]): string | null {
  const lastDropped = messages.findLastIndex((message) => !message.seen);
  return messages[lastDropped + 1]?.messageId ?? null;
}

/** With the limit that was met first. */
export function contextTooLong(plan: ContextPlan, limits: PromptLimits): AppError {
  const { promptTokens, reservedTokens, contextTokens, exact } = plan;
  const { mostPromptTokens, writtenTokens = 0 } = limits;
  const about = exact ? '' : 'by estimate ';
  const details = { promptTokens, reservedTokens, contextTokens, exact };
  if (mostPromptTokens === undefined || mostPlanned(limits) >= contextTokens - reservedTokens)
    return new AppError(
      'context-too-long',
      `this needs ${about}${promptTokens} tokens of prompt and ${reservedTokens} for the answer, ` +
        `but the model has a context of ${contextTokens}`,
      {
        hint: 'Shorten the message or the system prompt, unpin messages, or choose a larger context.',
        details,
      },
    );
  return new AppError(
    'context-too-long',
    `this needs a prompt of ${about}${promptTokens + writtenTokens} tokens, but the service takes ${mostPromptTokens}`,
    {
      hint: 'Shorten the message or the system prompt, unpin messages, or let the service take longer prompts.',
      details: { ...details, mostPromptTokens },
    },
  );
}
