/** What clients call a setting otherwise than by our name with `_` between its words. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  dynamicTemperatureRange: ['dynatemp_range'],
  dynamicTemperatureExponent: ['dynatemp_exponent'],
  dryWindow: ['dry_penalty_last_n'],
  dryBreakers: ['dry_sequence_breakers'],
  repetitionPenalty: ['repeat_penalty'],
  penaltyWindow: ['repeat_last_n'],
  maxNewTokens: ['max_completion_tokens', 'max_tokens', 'n_predict'],
  logprobs: ['top_logprobs', 'top_n_tokens'],
};

export function fieldOf(setting: string): string {
  return setting.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

/** Those fields of a request that did nothing, because the service takes no such settings. */
export function ignoredFields(ignoredSettings: readonly string[], sent: object): string[] {
  const given = new Map<string, unknown>(Object.entries(sent));
  return ignoredSettings
    .flatMap((setting) => [fieldOf(setting), ...(otherNames[setting] ?? [])])
    .filter((field) => given.get(field) !== undefined && given.get(field) !== null);
}

/** The same as a field of an answer; none where everything was taken. */
export function ignoredObject(
  ignoredSettings: readonly string[],
  sent: object,
): { ignored?: readonly string[] } {
  const ignored = ignoredFields(ignoredSettings, sent);
  return ignored.length === 0 ? {} : { ignored };
}
