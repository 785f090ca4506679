/** Drops what is undefined, so that "left out" and "undefined" are one thing below the server. */
export function withoutUndefined<Value extends object>(
  value: Value,
): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [Key in keyof Value]: Exclude<Value[Key], undefined>;
  };
}

/** The version a change is based on, where the caller named one. */
export function versionOf(headers: { 'if-match'?: number | undefined }): { version?: number } {
  return headers['if-match'] === undefined ? {} : { version: headers['if-match'] };
}
