import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Receipt } from '../contracts/runs.ts';
import type { Timings, Usage } from '../contracts/run-parts.ts';
import type { Engines, LoadedModel } from '../engine/fleet.ts';
import type { ServerOutbox } from './ports.ts';

export interface Metrics {
  request(fields: { method: string; route: string; status: number; ms: number }): void;
  answer(fields: { dialect: string; usage: Usage | null; timings: Timings | null; reason: string }): void;
  receipt(receipt: Receipt): void;
  /** Prometheus' text form. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

export interface MetricsOptions {
  engines: Engines;
  outbox: ServerOutbox;
  /** Answers that one model writes at a time; what is more waits. */
  slots: number;
  /** How many streams are open now; set once the streams exist. */
  openStreams?: () => number;
}

/** Prometheus waits 10 s for all figures, and a database that is away may be dialled for as long. */
const longestOutboxMs = 2000;

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Instruments {
  registry: Registry;
  requests: Counter;
  durations: Histogram;
  answers: Counter;
  tokens: Counter;
  cached: Counter;
  firstToken: Histogram;
  rate: Histogram;
  queued: Histogram;
}

function instruments(): Instruments {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
    new Histogram({ name, help, buckets, labelNames, registers });
  return {
    registry,
    requests: counter('corral_requests_total', 'Requests by route and status', ['method', 'route', 'status']),
    durations: histogram('corral_request_seconds', 'Time until a request was answered', secondsBuckets, [
      'route',
    ]),
    answers: counter('corral_answers_total', 'Finished answers', ['dialect', 'reason']),
    tokens: counter('corral_tokens_total', 'Tokens read and written', ['kind']),
    cached: counter('corral_cached_prompt_tokens_total', 'Prompt tokens whose state was still there', []),
    firstToken: histogram('corral_first_token_seconds', 'Time to the first token', secondsBuckets),
    rate: histogram(
      'corral_tokens_per_second',
      'Speed of an answer',
      [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
    ),
    queued: histogram('corral_queued_seconds', 'Time an answer waited for its turn', secondsBuckets),
  };
}

function sum(engines: Engines, read: (model: LoadedModel) => number): number {
  return engines.loaded().reduce((total, model) => total + read(model), 0);
}

function gauges({ registry }: Instruments, options: MetricsOptions): void {
  const { engines, openStreams, slots } = options;
  const registers = [registry];
  const gauge = (name: string, help: string, read: (set: Gauge) => void) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        read(this);
      },
    });
  gauge('corral_models_loaded', 'Models in memory', (it) =>
    it.set(engines.loaded().filter(({ state }) => state === 'loaded').length),
  );
  gauge('corral_engine_restarts', 'Engines started again after a crash', (it) => it.set(engines.restarts()));
  gauge('corral_open_streams', 'Event streams that tabs hold open', (it) => it.set(openStreams?.() ?? 0));
  gauge('corral_kv_bytes', 'Bytes of KV state in memory', (it) =>
    it.set(sum(engines, ({ description }) => description?.memory?.kvBytes ?? 0)),
  );
  gauge('corral_engine_users', 'Answers being written or waiting for their turn', (it) =>
    it.set(sum(engines, ({ users }) => users)),
  );
  gauge('corral_queue_length', 'Answers that wait for their turn', (it) =>
    it.set(sum(engines, ({ users, kind }) => (kind === 'remote' ? 0 : Math.max(0, users - slots)))),
  );
}

/** Reads what the database counts, of which a database that is away leaves nothing: all other figures are told then. */
function outboxGauges({ registry }: Instruments, outbox: ServerOutbox): () => Promise<void> {
  const registers = [registry];
  const pending = new Gauge({
    name: 'corral_outbox_pending',
    help: 'Events waiting for LOGGING_URL',
    registers,
  });
  const dead = new Gauge({
    name: 'corral_outbox_dead',
    help: 'Events that could not be delivered',
    registers,
  });
  return async () => {
    const waited = new AbortController();
    const late = sleep(longestOutboxMs, null, { signal: waited.signal }).catch(() => null);
    const status = await Promise.race([outbox.status().catch(() => null), late]);
    waited.abort();
    if (status) {
      pending.set(status.pending);
      dead.set(status.dead);
    } else for (const gauge of [pending, dead]) gauge.remove();
  };
}

export function createMetrics(options: MetricsOptions): Metrics {
  const it = instruments();
  gauges(it, options);
  const readOutbox = outboxGauges(it, options.outbox);
  collectDefaultMetrics({ register: it.registry, prefix: 'corral_' });
  const count = (usage: Usage | null, timings: Timings | null): void => {
    if (usage) {
      it.tokens.inc({ kind: 'prompt' }, usage.promptTokens);
      it.tokens.inc({ kind: 'completion' }, usage.completionTokens);
      it.cached.inc(usage.cachedTokens);
    }
    if (!timings) return;
    it.firstToken.observe(timings.firstTokenMs / 1000);
    it.queued.observe(timings.queuedMs / 1000);
    if (timings.tokensPerSecond > 0) it.rate.observe(timings.tokensPerSecond);
  };
  return {
    request({ method, route, status, ms }) {
      it.requests.inc({ method, route, status });
      it.durations.observe({ route }, ms / 1000);
    },
    answer({ dialect, usage, timings, reason }) {
      it.answers.inc({ dialect, reason });
      count(usage, timings);
    },
    receipt({ usage, timings, endReason }) {
      it.answers.inc({ dialect: 'native', reason: endReason });
      count(usage, timings);
    },
    async text() {
      await readOutbox();
      return it.registry.metrics();
    },
    contentType: it.registry.contentType,
    close: () => it.registry.clear(),
  };
}
