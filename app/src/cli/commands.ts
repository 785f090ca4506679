import { benchCommand } from './bench-command.ts';
import { chatCommand } from './chat-command.ts';
import type { Command } from './command.ts';
import { configCommand } from './config-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { historyExportCommand, historyImportCommand } from './history-command.ts';
import { logReplayCommand, logStatusCommand } from './log-command.ts';
import { serveCommand } from './serve-command.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  serveCommand,
  chatCommand,
  historyImportCommand,
  historyExportCommand,
  logStatusCommand,
  logReplayCommand,
  doctorCommand,
  benchCommand,
  configCommand,
];
