import { textOf, type PromptSegment } from '../../prompts/segments.ts';

/** Cannot be seen, and keeps what somebody typed from being taken for a control token by the service. */
const guard = '\u200b';

/**
 * A prompt as one text, for a service that reads control tokens in all of it. Those of the template stay whole; one
 * that somebody typed, or that only comes to stand where two segments meet, gets a guard inside.
 */
export function guardedText(segments: readonly PromptSegment[], controlTexts: readonly string[]): string {
  const text = textOf(segments);
  let guarded = '';
  let copied = 0;
  let index = 0;
  let end = segments[0]?.text.length ?? 0;
  for (const [at, length] of occurrences(text, controlTexts)) {
    while (end <= at) end += segments[++index]?.text.length ?? Number.POSITIVE_INFINITY;
    const place = segments[index]?.special === true ? end : at + 1;
    if (place >= at + length || place === copied) continue;
    guarded += text.slice(copied, place) + guard;
    copied = place;
  }
  return guarded + text.slice(copied);
}

/** Where control texts stand and how long they are, the longest at each place; they may overlap. */
function* occurrences(text: string, controlTexts: readonly string[]): Iterable<[at: number, length: number]> {
  const dangerous = controlTexts.filter((control) => /^[<[|>]/.test(control) && control.length > 1);
  if (dangerous.length === 0) return;
  const longestFirst = dangerous
    .toSorted((a, b) => b.length - a.length)
    .map((control) => RegExp.escape(control));
  // A look-ahead takes nothing, so that the next one may begin inside this one.
  for (const match of text.matchAll(new RegExp(`(?=(${longestFirst.join('|')}))`, 'gu')))
    yield [match.index, match[1]?.length ?? 0];
}
