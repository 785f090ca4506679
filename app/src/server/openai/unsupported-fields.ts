import { AppError } from '../../contracts/app-error.ts';

/** Fields that would change what comes back; each with the value that changes nothing. */
const unsupported: Record<string, (value: unknown) => boolean> = {
  tools: (value) => Array.isArray(value) && value.length === 0,
  functions: (value) => Array.isArray(value) && value.length === 0,
  tool_choice: (value) => value === 'none' || value === 'auto',
  function_call: (value) => value === 'none' || value === 'auto',
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  suffix: (value) => value === '',
  audio: () => false,
  modalities: (value) => Array.isArray(value) && value.every((kind) => kind === 'text'),
  web_search_options: () => false,
  images: (value) => Array.isArray(value) && value.length === 0,
  lora: (value) => Array.isArray(value) && value.length === 0,
};

export function refuseField(field: string, why: string): never {
  throw new AppError('unsupported-field', `"${field}" is not supported: ${why}`, {
    hint: 'docs/compatibility.md lists what is.',
    details: { field },
  });
}

export function refuseUnsupported(body: Readonly<Record<string, unknown>>): void {
  for (const [field, isHarmless] of Object.entries(unsupported)) {
    const value = body[field];
    if (value === undefined || value === null || isHarmless(value)) continue;
    refuseField(field, 'this server gives one answer as text');
  }
}
