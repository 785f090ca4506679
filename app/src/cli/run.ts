import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import type { Api } from './api.ts';
import type { CommandContext, Corral } from './command.ts';
import { type Invocation, parseInvocation } from './program.ts';
import { createOutput, type Output, reportError } from './render/output.ts';

export interface RunOptions {
  /** Arguments after the program's name. */
  parameters: readonly string[];
  /** Folder of the clone. */
  root: string;
  version: string;
  corral: Corral;
  signal: AbortSignal;
}

interface Context extends CommandContext {
  close(): Promise<void>;
}

function createContext(invocation: Invocation, output: Output, options: RunOptions): Context {
  let config: Config | undefined;
  let api: Promise<Api> | undefined;
  const context: Context = {
    get config() {
      config ??= loadConfig({ root: options.root, flags: invocation.flags });
      return config;
    },
    output,
    corral: options.corral,
    signal: options.signal,
    api: () => (api ??= options.corral.connect(context.config)),
    close: async () => (await api)?.close(),
  };
  return context;
}

/** Runs one command line and resolves with the exit code; nothing is thrown. */
export async function runCommandLine(options: RunOptions): Promise<number> {
  const isJson = options.parameters.includes('--json');
  const isDebug = options.parameters.includes('--debug');
  const hasColours = !options.parameters.includes('--no-color');
  const output = createOutput({ isJson, hasColours, stdout: process.stdout, stderr: process.stderr });
  try {
    const invocation = parseInvocation(options.parameters, options.version);
    if (!invocation) return 0;
    const context = createContext(invocation, output, options);
    try {
      await invocation.command.run(context, invocation);
    } finally {
      await context.close();
    }
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return reportError(error, output, isDebug);
  }
}
