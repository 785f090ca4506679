import { AppError } from '../../contracts/app-error.ts';
import type { Log } from '../../lib/log.ts';
import { spawnEngineProcess, type EngineProcess, type ProcessExit } from './child-process.ts';
import { ProcessConnection, type EngineConnection } from './engine-connection.ts';
import type { Isolation } from './isolation.ts';
import { protocolVersion } from './protocol.ts';
import type { Hello } from './protocol-results.ts';
import { createWatchdog, type Deadlines, type Watchdog } from './watchdog.ts';

export interface StartOptions {
  entry: string;
  isolation: Isolation;
  librariesDirectory: string;
  processorLibrary?: string | undefined;
  deadlines: Deadlines;
  log: Log;
}

/** A process that has opened the libraries and waits for a model. */
export interface StartedEngine {
  process: EngineProcess;
  connection: EngineConnection;
  isolation: Isolation;
  hello: Hello;
}

export async function startEngine(options: StartOptions): Promise<StartedEngine> {
  const { entry, isolation, log, deadlines, librariesDirectory, processorLibrary } = options;
  const child = spawnEngineProcess({ entry, isolation: isolation.words });
  const watchdog = createWatchdog(deadlines, (error) => {
    log.error({ pid: child.pid, phase: watchdog.phase() }, error.message);
    connection.destroy(error);
  });
  const connection: EngineConnection = new ProcessConnection({
    process: child,
    watchdog,
    log,
    explainExit: (exit) => explainExit(exit, child, watchdog),
  });
  const hello = await connection
    .ask('open', { librariesDirectory, ...(processorLibrary === undefined ? {} : { processorLibrary }) })
    .catch((error: unknown) => {
      connection.destroy(new AppError('engine-unavailable', 'The engine did not start.', { cause: error }));
      throw error;
    });
  if (hello.protocol !== protocolVersion) {
    connection.destroy(new AppError('engine-unavailable', 'The engine did not start.'));
    throw new AppError('internal', `The engine speaks protocol ${hello.protocol}, not ${protocolVersion}.`);
  }
  return { process: child, connection, isolation, hello };
}

function explainExit(exit: ProcessExit, child: EngineProcess, watchdog: Watchdog): AppError {
  const how = exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`;
  const faults = child.output.faults();
  const why = faults.length === 0 ? '' : `: ${faults.join('; ')}`;
  return new AppError('engine-crashed', `The engine ${how} in phase "${watchdog.phase()}"${why}.`, {
    hint: 'It is started again with the next request.',
    details: {
      code: exit.code,
      signal: exit.signal,
      phase: watchdog.phase(),
      isMachineFault: child.output.isMachineFault(),
    },
  });
}
