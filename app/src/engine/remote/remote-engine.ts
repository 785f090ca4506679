import { AppError } from '../../contracts/app-error.ts';
import type { CountResult, Engine, ModelDescription, ModelSource } from '../engine.ts';
import { createPartChannel } from '../part-channel.ts';
import { answerRemotely } from './remote-answer.ts';
import type { Dialect } from './dialect.ts';
import type { Deadlines, RemoteProvider } from './remote-provider.ts';

export interface RemoteEngineOptions {
  source: Extract<ModelSource, { kind: 'remote' }>;
  provider: RemoteProvider;
  dialect: Dialect;
  contextTokens: number;
  deadlines: Deadlines;
  /** Ends what the engine holds open. */
  onClose: () => Promise<void>;
}

/** Largest id that a request may name where nobody here knows the vocabulary. */
export const unknownVocabulary = 10_000_001;

/** A model that a service answers for. What it cannot do is in `capabilities`, and is refused by name when asked for. */
export function createRemoteEngine(options: RemoteEngineOptions): Engine {
  const { source, provider, dialect } = options;
  const life = createLife(provider);
  const cannot = (what: string) => async (): Promise<never> => {
    life.present();
    throw unable(provider, what);
  };
  return {
    source,
    get capabilities() {
      return {
        sampling: dialect.sampling,
        exactCounts: dialect.countsExactly(),
        continueAnswer: dialect.continueAnswer,
        score: false,
        embed: false,
        tokens: false,
        render: false,
        state: false,
        adapters: false,
      };
    },
    describe: () => describeModel(options),
    count: async (prompt): Promise<CountResult> => {
      life.present();
      return dialect.count(prompt);
    },
    tokenize: cannot('its tokens'),
    pieces: cannot('its tokens'),
    render: cannot('the rendered prompt'),
    score: cannot('log-probabilities of a given text'),
    embed: cannot('directions of texts'),
    generate: (request, signal) => {
      const channel = createPartChannel();
      const controller = new AbortController();
      const leave = follow(signal, controller);
      life.running.add(controller);
      void answerRemotely(
        { ...options, description: describeModel(options), present: life.present },
        request,
        channel.push,
        controller,
      ).finally(() => {
        life.running.delete(controller);
        leave();
      });
      return channel.read(() => controller.abort());
    },
    saveState: async () => false,
    dropState: async () => undefined,
    close: async () => {
      life.end();
      await options.onClose();
    },
    closed: life.closed,
  };
}

/** An error is handed on: what a stopping server leaves goes on later, where it was. Gives back what ends that. */
function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  const onAbort = (): void =>
    controller.abort(signal?.reason instanceof AppError ? signal.reason : undefined);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => signal?.removeEventListener('abort', onAbort);
}

interface Life {
  running: Set<AbortController>;
  closed: Promise<void>;
  present: () => void;
  end: () => void;
}

function createLife(provider: RemoteProvider): Life {
  const running = new Set<AbortController>();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const gone = new AppError('engine-unavailable', `The connection to ${provider.name} was closed.`, {
    hint: 'Its settings were changed, or nobody used it for a while; ask again.',
  });
  let isGone = false;
  return {
    running,
    closed,
    present: () => {
      if (isGone) throw gone;
    },
    end: () => {
      isGone = true;
      for (const controller of running) controller.abort(gone);
      resolve();
    },
  };
}

function unable(provider: RemoteProvider, what: string): AppError {
  return new AppError('unsupported-field', `${provider.name} does not tell ${what}.`, {
    hint: 'Choose a model on this machine for it.',
    details: { provider: provider.name },
  });
}

function describeModel({ source, provider, dialect, contextTokens }: RemoteEngineOptions): ModelDescription {
  return {
    id: source.id,
    architecture: 'remote',
    name: source.model,
    parameters: 0,
    contextTokens,
    ...(typeof dialect.mostPromptTokens === 'number' ? { mostPromptTokens: dialect.mostPromptTokens } : {}),
    trainedContextTokens: dialect.contextTokens ?? contextTokens,
    vocabularySize: unknownVocabulary,
    bosTokenId: null,
    eosTokenIds: [],
    template: dialect.template,
    adapters: [],
    memory: null,
    engineRelease: dialect.title,
    device: new URL(provider.url).host,
  };
}
