import { llamaCppFields } from '../contracts/sampling-fields.ts';

/** As TGI and vLLM name them: our name with `_` between its words. */
export function plainFieldOf(setting: string): string {
  return setting.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

const ofPrograms = new Map<string, string>(Object.entries(llamaCppFields));

/** As OpenAI's clients and llama.cpp's name it. */
export function fieldOf(setting: string): string {
  return ofPrograms.get(setting) ?? plainFieldOf(setting);
}

/** What some say otherwise. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  maxNewTokens: ['max_completion_tokens', 'n_predict'],
  logprobs: ['top_logprobs', 'top_n_tokens'],
};

/** Those fields of a request that did nothing, because the service takes no such settings. */
export function ignoredFields(ignoredSettings: readonly string[], sent: object): string[] {
  const given = new Map<string, unknown>(Object.entries(sent));
  const names = ignoredSettings.flatMap((setting) => [
    plainFieldOf(setting),
    fieldOf(setting),
    ...(otherNames[setting] ?? []),
  ]);
  return [...new Set(names)].filter((field) => given.get(field) !== undefined && given.get(field) !== null);
}

/** The same as a field of an answer; none where everything was taken. */
export function ignoredObject(
  ignoredSettings: readonly string[],
  sent: object,
): { ignored?: readonly string[] } {
  const ignored = ignoredFields(ignoredSettings, sent);
  return ignored.length === 0 ? {} : { ignored };
}
