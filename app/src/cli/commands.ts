import { backupCommand, restoreCommand } from './backup-commands.ts';
import { benchCommand } from './bench-command.ts';
import { chatCommand } from './chat-command.ts';
import type { Command } from './command.ts';
import { configCommand } from './config-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { historyExportCommand, historyImportCommand } from './history-command.ts';
import { logReplayCommand, logStatusCommand } from './log-command.ts';
import { adapterCommands } from './models/adapter-commands.ts';
import { checkCommand } from './models/check-command.ts';
import { importCommand } from './models/import-command.ts';
import { listCommand } from './models/list-command.ts';
import { pullCommand } from './models/pull-command.ts';
import { removeCommand } from './models/remove-command.ts';
import { showCommand } from './models/show-command.ts';
import { serveCommand } from './serve-command.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  serveCommand,
  chatCommand,
  pullCommand,
  importCommand,
  listCommand,
  showCommand,
  removeCommand,
  checkCommand,
  ...adapterCommands,
  historyImportCommand,
  historyExportCommand,
  logStatusCommand,
  logReplayCommand,
  backupCommand,
  restoreCommand,
  doctorCommand,
  benchCommand,
  configCommand,
];
