import type { DeadLetter, LogStatus } from '../contracts/api/log.ts';
import type { Command } from './command.ts';

const time = (at: number | null): string => (at === null ? 'never' : new Date(at).toISOString());

export const logStatusCommand: Command = {
  name: 'log status',
  about: 'What was sent to LOGGING_URL, what waits, and what could not be delivered.',
  async run(context) {
    const { output, signal } = context;
    const server = await context.api();
    const status = await server.request<LogStatus>('GET', '/api/log', { signal });
    const { events } = await server.request<{ events: DeadLetter[] }>('GET', '/api/log/dead?limit=50', {
      signal,
    });
    output.json({ ...status, deadLetters: events });
    if (status.mode === 'off')
      output.line('Nothing is logged: LOGGING_URL is not set, or LOGGING_MODE is off.');
    else output.line(`${status.mode} to ${status.host ?? ''}, ${status.signed ? 'signed' : 'not signed'}`);
    if (status.disabled)
      output.line(`switched off since ${time(status.disabled.since)}: ${status.disabled.reason}`);
    output.line(`delivered ${status.delivered}, the last one ${time(status.lastDeliveredAt)}`);
    output.line(
      `waiting   ${status.pending} (${status.pendingBytes} bytes), next attempt ${time(status.nextAttemptAt)}`,
    );
    output.line(`dead      ${status.dead}, dropped ${status.dropped}`);
    if (status.lastError !== null) output.line(`last error: ${status.lastError}`);
    if (events.length === 0) return;
    output.line();
    output.table(
      events.map((event) => [
        event.id,
        event.conversationId,
        time(event.createdAt),
        `${event.attempts}`,
        event.lastError ?? '',
      ]),
      ['event', 'conversation', 'written', 'attempts', 'last error'],
    );
  },
};

export const logReplayCommand: Command = {
  name: 'log replay',
  arguments: [{ name: '[event...]', about: 'ids of dead events; without any, all of them' }],
  about: 'Send dead events again and at once what waits, also where the sink had switched delivery off.',
  async run(context, input) {
    const { output, signal } = context;
    const server = await context.api();
    const body = input.arguments.length === 0 ? {} : { ids: input.arguments };
    const { replayed } = await server.request<{ replayed: number }>('POST', '/api/log/replay', {
      body,
      signal,
    });
    output.line(`${replayed} events are sent again`);
    output.json({ replayed });
  },
};
