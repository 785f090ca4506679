import { constants, copyFileSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import { backupKind } from '../store/archive-file.ts';
import { backupName } from '../store/backup-names.ts';
import { syncPath } from '../store/durable-file.ts';
import type { Command, CommandContext } from './command.ts';
import { writeFault } from './write-fault.ts';

interface MadeBackup {
  name: string;
  sizeBytes: number;
  createdAt: number;
}

const folderOf = (context: CommandContext): string => join(context.config.home, 'backups');

export const backupCommand: Command = {
  name: 'backup',
  arguments: [
    {
      name: '[file]',
      about:
        'where to write it, beyond the reach of erasing; without one it goes into CORRAL_HOME/backups, from where erased chats are taken out too',
    },
  ],
  about: 'Write a complete copy of all chats and settings, also while the server runs.',
  options: [
    {
      flags: '--archive',
      about: 'in the form that both SQLite and PostgreSQL can restore; so is a file whose name ends with .gz',
    },
  ],
  async run(context, input) {
    const { output, signal } = context;
    const [file] = input.arguments;
    if (file !== undefined && existsSync(file))
      throw new AppError('conflict', `${file} exists already.`, { hint: 'Name another file.' });
    const isArchive = input.options.archive === true || file?.endsWith('.gz') === true;
    const server = await context.api();
    const made = await server.request<MadeBackup>('POST', `/api/backups${isArchive ? '?archive=1' : ''}`, {
      signal,
    });
    const path = keep(join(folderOf(context), made.name), file);
    output.line(`${path} (${made.sizeBytes} bytes)`);
    if (file !== undefined)
      output.line('What is erased later stays in this file: delete it where it must be gone.');
    output.json({ path, sizeBytes: made.sizeBytes, createdAt: made.createdAt });
  },
};

/** Moves a finished backup to where it was asked for, on whatever disk that is. */
function keep(made: string, file: string | undefined): string {
  if (file === undefined) return made;
  const path = resolve(file);
  copyWhole(made, path);
  rmSync(made);
  return path;
}

/** A part of a backup is none. */
function copyWhole(from: string, to: string): void {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    syncPath(to);
  } catch (cause) {
    // What was there already belongs to somebody else.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' && existsSync(to)) rmSync(to);
    throw writeFault(to, cause);
  }
}

export const restoreCommand: Command = {
  name: 'restore',
  arguments: [{ name: '<backup>', about: 'a file, or the name of one in CORRAL_HOME/backups' }],
  about: 'Put a backup in place of everything there is; what was there is backed up first.',
  async run(context, input) {
    const { output, signal } = context;
    const [backup = ''] = input.arguments;
    const server = await context.api();
    const { name, isCopy } = present(folderOf(context), backup);
    try {
      const { previous } = await server.request<{ previous: string }>(
        'POST',
        `/api/backups/${name}/restore`,
        { signal },
      );
      output.line(`${backup} is restored. What was there before is ${join(folderOf(context), previous)}`);
      output.json({ restored: backup, previous: join(folderOf(context), previous) });
    } finally {
      if (isCopy) rmSync(join(folderOf(context), name), { force: true });
    }
  },
};

/** The server reads only its own folder, so a file from elsewhere is copied there under a name of ours. */
function present(folder: string, backup: string): { name: string; isCopy: boolean } {
  if (!existsSync(backup) && existsSync(join(folder, backup))) return { name: backup, isCopy: false };
  const form = backupKind(backup) === 'sqlite' ? '.db' : '.corral.gz';
  const name = backupName(Date.now(), 'given', form);
  copyWhole(backup, join(folder, name));
  return { name, isCopy: true };
}
