/** JSON text in a column, that remembers in its type what it was made from. */
export type Json<Value> = string & { readonly madeFrom?: Value };

export function toJson<Value>(value: Value): Json<Value> {
  return JSON.stringify(value);
}

export function fromJson<Value>(text: Json<Value>): Value {
  return JSON.parse(text) as Value;
}

export function toJsonOrNull<Value>(value: Value | null | undefined): Json<Value> | null {
  return value === null || value === undefined ? null : toJson(value);
}

export function fromJsonOrNull<Value>(text: Json<Value> | null): Value | null {
  return text === null ? null : fromJson(text);
}
