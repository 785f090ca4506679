/** A server with the scripted engine in a process of its own, so that what it costs can be told from its clients. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readdirSync } from 'node:fs';
import { startServer } from '../test/fixtures/running-server.ts';

export interface HostFigures {
  /** Bytes after a collection. */
  heap: number;
  resident: number;
  files: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function figures(): HostFigures {
  collect();
  return {
    heap: getHeapStatistics().used_heap_size,
    resident: process.memoryUsage.rss(),
    files: readdirSync('/proc/self/fd').length,
  };
}

const running = await startServer({ environment: { CORRAL_FEEDBACK: 'true' } });
process.on('message', () => process.send?.(figures()));
process.on('disconnect', () => void running.close());
process.send?.(running.address);
