import { Command as Commander, CommanderError, Option } from 'commander';
import { AppError } from '../contracts/app-error.ts';
import { type SettingName, settingNames, settings } from '../config/settings.ts';
import type { Command, CommandOptions } from './command.ts';
import { commands } from './commands.ts';
import { absoluteReference } from './models/absolute-reference.ts';

export interface Invocation {
  command: Command;
  arguments: string[];
  options: CommandOptions;
  /** Flags of settings, by setting name. */
  flags: Partial<Record<SettingName, unknown>>;
  isJson: boolean;
  isDebug: boolean;
}

/** Every command takes all of them; its help shows those it is about, below its own, so that these are seen first. */
function addSettingFlags(commander: Commander, shown: Command['settings']): void {
  commander.optionsGroup('Settings (docs/config.md):');
  for (const name of settingNames) {
    const { flag, about } = settings[name];
    const isShown = shown === 'all' || name === 'home' || shown?.includes(name) === true;
    if (flag) commander.addOption(new Option(flag, about).hideHelp(!isShown));
  }
  if (shown !== 'all')
    commander.addHelpText('after', '\nThe settings of `corral serve` are taken here as well.');
}

function addCommonFlags(commander: Commander): void {
  commander.option('--json', 'print one JSON value and nothing else');
  commander.option('--debug', 'print stack traces of errors');
  commander.option('--no-color', 'print without colours');
}

/** Options under commander's camel-cased key; a setting's flag and its name may differ (`--hub` is hubEndpoint). */
function flagsOf(options: CommandOptions): Partial<Record<SettingName, unknown>> {
  const flags: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    const key = /^--([a-z-]+)/.exec(settings[name].flag ?? '')?.[1];
    if (!key) continue;
    const camel = key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (options[camel] !== undefined) flags[name] = options[camel];
  }
  return flags;
}

/** What was given, with `--model` as the folder it was typed in means it. */
function optionsOf(commander: Commander): CommandOptions {
  const options = commander.opts<CommandOptions>();
  const { model } = options;
  return model === undefined ? options : { ...options, model: absoluteReference(String(model)) };
}

function describe(commander: Commander, command: Command): void {
  commander.description(command.about);
  for (const { name, about } of command.arguments ?? []) commander.argument(name, about);
  for (const { flags, about, default: fallback } of command.options ?? []) {
    commander.option(flags, about, fallback);
  }
  addCommonFlags(commander);
  addSettingFlags(commander, command.settings);
}

/** Throws `usage` instead of ending the process, and stays quiet: the caller prints. */
function quiet(commander: Commander): Commander {
  return commander
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .showSuggestionAfterError(true);
}

export function buildProgram(version: string, onInvocation: (invocation: Invocation) => void): Commander {
  const program = quiet(new Commander('corral'));
  program.description('Talk to a Llama-family model on your own machine.');
  program.version(version, '--version', 'print the version');
  program
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command');
  const groups = new Map<string, Commander>();
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    const parent = second ? groupOf(program, groups, first) : program;
    const commander = quiet(parent.command(second ?? first));
    describe(commander, command);
    commander.action(() => {
      const options = optionsOf(commander);
      onInvocation({
        command,
        arguments: [...commander.args],
        options,
        flags: flagsOf(options),
        isJson: options['json'] === true,
        isDebug: options['debug'] === true,
      });
    });
  }
  return program;
}

/** What the commands of a group have in common. */
const groupAbouts: Readonly<Record<string, string>> = {
  adapter: 'Add, list and remove LoRA adapters that are switched on while a model runs.',
  history: 'Take chats in from a file, or write them to one.',
  log: 'See what waits for LOGGING_URL, and send again what failed.',
};

function groupOf(program: Commander, groups: Map<string, Commander>, name: string): Commander {
  const known = groups.get(name);
  if (known) return known;
  const group = quiet(program.command(name)).description(groupAbouts[name] ?? '');
  groups.set(name, group);
  return group;
}

/**
 * What to run. Null when commander already answered (`--help`, `--version`).
 * Throws `usage` for an unknown command or a wrong flag.
 */
export function parseInvocation(parameters: readonly string[], version: string): Invocation | null {
  let found: Invocation | null = null;
  try {
    buildProgram(version, (invocation) => (found = invocation)).parse(parameters, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    const message =
      error.message === '(outputHelp)' ? 'a command is missing' : error.message.replace(/^error: /, '');
    throw new AppError('usage', message, { hint: '`corral help` lists the commands.', cause: error });
  }
  return found;
}
