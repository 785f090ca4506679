import type { ChatsConfig } from '../runs/run-context.ts';
import type { LogMode } from './log-event.ts';

/** What of a chat is sent to the operator's log. A temporary chat is left out unless the operator forces it. */
export function loggingMode(
  config: Pick<ChatsConfig, 'loggingUrl' | 'loggingMode' | 'loggingTemporary'>,
  isTemporary: boolean,
): LogMode | 'off' {
  if (config.loggingUrl === '') return 'off';
  return isTemporary && !config.loggingTemporary ? 'off' : config.loggingMode;
}
