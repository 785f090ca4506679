import type { Config } from '../config/config.ts';
import type { SettingName } from '../config/settings.ts';
import type { Api } from './api.ts';
import type { Finding } from './finding.ts';
import type { Output } from './render/output.ts';

/** What main.ts hands to the commands: the composed program, seen through its own API. */
export interface Corral {
  /**
   * The native API: of the server that is running on this CORRAL_HOME, else of the same composition inside this
   * process, without a port. Closed by the caller of the command.
   */
  connect(config: Config): Promise<Api>;
  /** `onWait`: a server that was there before is still stopping. */
  serve(config: Config, onWait: () => void): Promise<Serving>;
  /** What only the adapters can say for `corral doctor`: libraries, GPU, sandbox, the Hub. */
  examine(config: Config, signal: AbortSignal): AsyncIterable<Finding>;
}

export interface Serving {
  /** Where the page answers, such as http://127.0.0.1:7860. */
  address: string;
  /** True on the first start on this CORRAL_HOME. */
  isFirstStart: boolean;
  /** Refuses new work, leaves runs to the next start, and resolves within 20 s. */
  close(): Promise<void>;
}

export interface CommandContext {
  /** Throws `config-invalid` when read and something is wrong. */
  readonly config: Config;
  readonly output: Output;
  readonly corral: Corral;
  /** Aborted by Ctrl-C; a second one, some time later, ends the process. */
  readonly signal: AbortSignal;
  /** The API, connected at the first call. */
  api(): Promise<Api>;
}

/** By commander's camel-cased name. */
export type CommandOptions = Record<string, string | boolean | undefined>;

export interface CommandInput {
  arguments: string[];
  options: CommandOptions;
}

export interface CommandOption {
  /** Commander's spelling, such as `--quant <type>`. */
  flags: string;
  about: string;
  default?: string;
}

/** One command; `name` is commander's spelling with arguments, a space separates a group from its member. */
export interface Command {
  name: string;
  arguments?: { name: string; about: string }[];
  about: string;
  options?: CommandOption[];
  /** Settings that its help shows besides the home; every command takes all of them. */
  settings?: 'all' | SettingName[];
  run(context: CommandContext, input: CommandInput): Promise<void>;
}
