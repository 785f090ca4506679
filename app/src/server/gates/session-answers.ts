import type { ServerResponse } from 'node:http';

/** Answers that are being given to signed-in browsers, streams above all: they end when somebody signs out. */
export interface SessionAnswers {
  hold(session: string, response: ServerResponse): void;
  /** All but the one that tells of it. */
  end(session: string, telling: ServerResponse): void;
}

export function createSessionAnswers(): SessionAnswers {
  const held = new Map<string, Set<ServerResponse>>();
  return {
    hold(session, response) {
      const answers = held.get(session) ?? new Set();
      held.set(session, answers.add(response));
      response.once('close', () => {
        answers.delete(response);
        if (answers.size === 0 && held.get(session) === answers) held.delete(session);
      });
    },
    end(session, telling) {
      for (const response of held.get(session) ?? []) if (response !== telling) response.destroy();
    },
  };
}
