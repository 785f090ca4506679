import { AppError } from '../contracts/app-error.ts';
import type { Run } from '../contracts/runs.ts';
import type { AcceptedRuns } from '../store/run-store.ts';
import { tell } from './chat-calls.ts';
import type { RunCalls, RunRequest, StartedRuns } from './chats.ts';
import { notFound } from './refusals.ts';
import { acceptRuns, checkText } from './runs/accept-run.ts';
import { complete } from './runs/complete.ts';
import { plainRun } from './runs/plain-run.ts';
import { planContext } from './runs/plan-context.ts';
import { contextOf } from './runs/prepare-answer.ts';
import { contextWish, type RunContext } from './runs/run-context.ts';
import { stopRun } from './runs/stop-run.ts';
import { takeUpRepeated } from './runs/take-up-runs.ts';
import { watchRun } from './runs/watch-run.ts';
import { resolveSettings } from './settings/resolve-settings.ts';
import { programLayers, settle, type SettingsSources } from './settings/settings-calls.ts';
import { branchTo } from '../lib/message-tree.ts';

export interface RunParts {
  context: RunContext;
  sources: SettingsSources;
}

export function createRunCalls(parts: RunParts): RunCalls {
  const { context, sources } = parts;
  return {
    async run(owner, chatId, request, options = {}) {
      const accepted = await acceptRuns(context, {
        owner,
        chatId,
        request,
        ...options,
        settle: (chat, message) => settle(sources, owner, { chat, message }),
      });
      if (accepted.repeated) await takeUpRepeated(context, accepted);
      else tell(context, owner, accepted.chat, 'messages');
      return started(accepted);
    },
    async getRun(owner, runId) {
      const live = context.live.get(runId);
      if (live?.owner === owner) return live.snapshot();
      const record = await context.store.getRun(owner, runId);
      if (!record) throw notFound('run');
      return plainRun(record);
    },
    async listRuns(owner, filter) {
      const stored = await context.store.listRuns(owner, filter);
      const live = [...context.live.values()].filter(
        (run) => run.owner === owner && (filter.chatId === undefined || run.chatId === filter.chatId),
      );
      const temporary: Run[] = live.filter((run) => run.isTemporary).map((run) => run.snapshot());
      return [...temporary, ...stored.map((run) => context.live.get(run.id)?.snapshot() ?? run)].slice(
        0,
        filter.limit,
      );
    },
    stop: (owner, runId) => stopRun(context, owner, runId),
    watch: (owner, runId, options) => watchRun(context, owner, runId, options),
    plan: (owner, chatId, draft, signal) =>
      planDraft(parts, { owner, chatId, draft, signal: signal ?? context.closing }),
    async complete(owner, request, signal) {
      const message = {
        ...(request.model === undefined ? {} : { model: request.model }),
        ...(request.sampling === undefined ? {} : { sampling: request.sampling }),
      };
      const settings = resolveSettings(await programLayers(sources, owner, message));
      const { prompt } = request;
      const format = settings.format ?? undefined;
      const formatted =
        prompt.kind === 'chat' && format !== undefined
          ? { ...request, prompt: { format, ...prompt } }
          : request;
      return complete(context, { owner, request: formatted, settings, signal });
    },
  };
}

function started(accepted: AcceptedRuns): StartedRuns {
  const [first] = accepted.answers;
  return {
    runs: accepted.answers.map(({ run }) => plainRun(run)),
    parentId: first?.message.parentId ?? null,
    userMessage: accepted.userMessage,
    repeated: accepted.repeated,
  };
}

async function planDraft(
  { context, sources }: RunParts,
  call: {
    owner: string;
    chatId: string | null;
    draft: { content: string; settings?: RunRequest['settings'] };
    signal: AbortSignal;
  },
): Promise<Awaited<ReturnType<RunCalls['plan']>>> {
  const { owner, chatId, draft, signal } = call;
  if (draft.content !== '') checkText(draft.content);
  const opened = chatId === null ? newChat : await context.store.openChat(owner, chatId);
  if (!opened) throw notFound('chat');
  const settings = await settle(sources, owner, { chat: opened.chat, message: draft.settings ?? {} });
  const source = await context.models.resolve(settings.model, signal);
  const wish = contextWish(context.config, settings.contextTokens);
  // Nobody has asked for it yet: no letter that is typed loads a model, or drives one out.
  if (chatId === null && !context.engines.holds(source, wish))
    throw new AppError('engine-unavailable', 'the model is not in memory, and none is loaded to count');
  const { engine, release } = await context.engines.acquire(source, wish, signal);
  try {
    const plan = await planContext(
      engine,
      {
        ...settings,
        branch: [
          ...branchTo(opened.messages, opened.chat.activeLeafId),
          { id: draftId, role: 'user', content: draft.content, pinned: false },
        ],
        maxNewTokens: settings.sampling.maxNewTokens ?? 1,
        ...contextOf(engine, settings.contextTokens),
        continueAnswer: false,
      },
      signal,
    );
    const tokens = plan.messages.find((message) => message.messageId === draftId)?.tokens ?? 0;
    return { tokens, exact: plan.exact, plan };
  } finally {
    release();
  }
}

/** Stands for the chat that its first message will make. */
const newChat = { chat: { settings: {}, activeLeafId: null }, messages: [] };

/** Stands for the message that is not sent yet. */
const draftId = '00000000-0000-4000-8000-000000000000';
