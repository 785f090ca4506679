import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { EngineLoader } from '../engine.ts';
import type { Script } from './script.ts';
import { createScriptedEngine } from './scripted-engine.ts';

export function createScriptedLoader(script: Script = {}): EngineLoader {
  return {
    kind: 'scripted',
    estimate: async () => null,
    load: async (source, options) => {
      if (script.loadMs !== undefined) {
        options.onProgress?.(0);
        try {
          await delay(script.loadMs, undefined, { signal: options.signal });
        } catch (cause) {
          throw new AppError('cancelled', 'Loading was stopped.', { cause });
        }
      }
      const error = script.loadError?.();
      if (error) throw error;
      options.onProgress?.(1);
      return createScriptedEngine(source, script, options);
    },
  };
}
