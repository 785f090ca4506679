import type { AppError } from '../../contracts/app-error.ts';
import { wordsOf } from '../error-answers.ts';
import type { GradioFunction } from './gradio-api.ts';
import type { JobEvent } from './gradio-queue.ts';

/** The words of `/queue/data` (protocol `sse_v3`): one `data:` line each, nothing else. */

function output(it: GradioFunction, value: unknown): unknown[] {
  const state = it.hasState ? [null] : [];
  return it.hasAnswer ? [value, ...state] : state;
}

const generating = (data: unknown[], isGenerating: boolean, seconds = 0): object => ({
  data,
  is_generating: isGenerating,
  duration: seconds,
  average_duration: seconds,
  render_config: null,
  changed_state_ids: [],
});

type Message = (msg: string, more: object) => object;

/** What Gradio's own warnings carry. */
export function warningOf(log: string): object {
  return { log, level: 'warning', title: 'Warning', duration: 10, visible: true };
}

function failedMessage(message: Message, fault: AppError): object {
  return message('process_completed', {
    success: false,
    title: 'Error',
    output: { error: wordsOf(fault), title: 'Error', visible: true, duration: 10 },
  });
}

function queueMessage(message: Message, event: Extract<JobEvent, { kind: 'queue' }>): object {
  const eta = event.etaMs === null ? null : event.etaMs / 1000;
  return message('estimation', { rank: event.position, queue_size: event.size, rank_eta: eta });
}

/** Turns a job's events into messages; later texts are sent as what was added. */
export function createMessageWriter(it: GradioFunction, eventId: () => string) {
  let sent: string | null = null;
  let isStarted = false;
  const message: Message = (msg, more) => ({ msg, event_id: eventId(), ...more });

  function start(): object[] {
    if (isStarted) return [];
    isStarted = true;
    return [message('process_starts', { eta: null })];
  }

  function text(value: string): object {
    const before = sent;
    sent = value;
    const isGrowth = before !== null && value.startsWith(before);
    const change = isGrowth ? [['append', [], value.slice(before.length)]] : value;
    const data = isGrowth && it.hasState ? [change, []] : output(it, change);
    return message('process_generating', {
      success: true,
      output: generating(data, true),
      time_limit: null,
    });
  }

  function done(event: Extract<JobEvent, { kind: 'done' }>): object {
    return message('process_completed', {
      success: true,
      output: generating(output(it, event.text), false, event.seconds),
      title: null,
    });
  }

  return (event: JobEvent): object[] => {
    switch (event.kind) {
      case 'queue':
        return isStarted ? [] : [queueMessage(message, event)];
      case 'start':
        return start();
      case 'text':
        return [...start(), text(event.text)];
      case 'note':
        return [message('log', warningOf(event.message))];
      case 'done':
        return [...start(), done(event)];
      case 'failed':
        return [...start(), failedMessage(message, event.error)];
    }
  };
}
