import { AppError } from '../../../contracts/app-error.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import type { Architecture } from './architecture.ts';
import { falcon } from './falcon.ts';
import { llama } from './llama.ts';
import { qwen2, qwen3 } from './qwen.ts';

const architectures: readonly Architecture[] = [llama, qwen2, qwen3, falcon];

/** Classes that can be converted, as config.json names them. */
export const supportedClasses: readonly string[] = architectures.flatMap(({ classes }) => classes);

export function chooseArchitecture(config: JsonObject, repository: string): Architecture {
  const named = config['architectures'];
  const [first] = Array.isArray(named) ? (named as unknown[]) : [];
  const className = typeof first === 'string' ? first : undefined;
  const found = architectures.find(({ classes }) => className !== undefined && classes.includes(className));
  if (found) return found;
  const what = className === undefined ? 'does not name its architecture' : `is a ${className}`;
  throw new AppError('model-unsupported', `${repository} ${what}, which cannot be converted.`, {
    hint: `Supported are ${supportedClasses.join(', ')}; a GGUF repository of the same model may work as it is.`,
    details: { supported: supportedClasses },
  });
}

/** By GGUF's name. */
export function architectureNamed(name: string): Architecture {
  const found = architectures.find((architecture) => architecture.name === name);
  if (found) return found;
  throw new AppError('model-unsupported', `Adapters cannot be written for a model of the kind ${name}.`, {
    hint: `Supported are ${architectures.map((architecture) => architecture.name).join(', ')}.`,
  });
}
