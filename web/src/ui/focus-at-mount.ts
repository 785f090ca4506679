/**
 * The ref of a field that is opened to write in. It has to be the same function each time that the field is drawn: React
 * calls one that is new, and the focus would jump back from wherever one went meanwhile.
 */
export function focusAtMount(field: HTMLInputElement | null): void {
  field?.focus();
  field?.select();
}

/** As `focusAtMount`, where one goes on behind what was written before. */
export function focusAtEnd(field: HTMLInputElement | null): void {
  field?.focus();
  field?.setSelectionRange(field.value.length, field.value.length);
}
