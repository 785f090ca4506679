import type { RunPart } from '../../contracts/run-parts.ts';
import type { GenerateRequest } from '../engine.ts';
import { PaceMeter } from '../pace.ts';
import { openAnswer } from '../open-answer.ts';
import { StopStrings } from '../stop-strings.ts';
import type { Dialect } from './dialect.ts';
import type { RemoteProvider } from './remote-provider.ts';
import { endlessAnswer } from './service-errors.ts';
import type { ServiceEvent } from './service-events.ts';
import { ShownThoughts, type Shown } from './shown-thoughts.ts';

/** A service that was asked for so many tokens and sends this many times as many pieces does not end by itself. */
const piecesPerToken = 4;
const charactersPerToken = 64;
const graceTokens = 64;

type Finish = NonNullable<ServiceEvent['finish']>;

/** Makes the parts of one answer out of what the service says; stop strings hold here whatever the service does. */
export class AnswerReader {
  readonly #push: (part: RunPart) => void;
  #stops: StopStrings;
  readonly #request: GenerateRequest;
  readonly #holdsLength: boolean;
  readonly #startedAt = performance.now();
  #firstAt = 0;
  #lastAt = 0;
  #pieces = 0;
  #thoughts: ShownThoughts;
  /** A piece is about a token. */
  readonly #pace = new PaceMeter();
  #characters = 0;
  #isStopped = false;
  #finish: Finish | null = null;
  #usage: ServiceEvent['usage'];

  constructor(
    request: GenerateRequest,
    { continueAnswer, endsByLength }: Pick<Dialect, 'continueAnswer' | 'endsByLength'>,
    push: (part: RunPart) => void,
  ) {
    this.#push = push;
    this.#request = request;
    this.#holdsLength = endsByLength === false;
    this.#thoughts = new ShownThoughts(request.prompt, continueAnswer);
    this.#stops = this.#stopStrings([]);
  }

  /** Something was heard that may not be asked for a second time. */
  get hasSaid(): boolean {
    return this.#pieces > 0;
  }

  /** A stop string was found here, or the length reached, whatever the service does. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The service said that the answer is over; figures may follow. */
  get isFinished(): boolean {
    return this.#finish !== null;
  }

  /** The service told how many tokens it read and wrote. */
  get isCounted(): boolean {
    return this.#usage !== undefined;
  }

  take(event: ServiceEvent, provider: RemoteProvider): void {
    if (this.#isStopped) return;
    if (event.stops && this.#pieces === 0) this.#stops = this.#stopStrings(event.stops);
    if (event.text !== undefined && this.#isFull()) return this.#endByLength();
    // In front of their text, as every engine tells them: what streams them sends each with the text that it made.
    for (const token of event.tokens ?? []) this.#push({ type: 'token', token });
    if (event.isAskedAnew) this.#thoughts = new ShownThoughts(this.#request.prompt, false);
    if (event.thought !== undefined) this.#say(this.#thoughts.think(event.thought), event.thought.length);
    if (event.text !== undefined) this.#say(this.#thoughts.say(event.text), event.text.length);
    this.#note(event);
    this.#checkLength(provider);
  }

  /** The service is done: what was held back, the figures, the end. `promptTokens` is for services that tell none. */
  finish(promptTokens: number): void {
    this.release({ isOver: true });
    const usage = this.#usage ?? this.#guess(promptTokens);
    this.#push({ type: 'usage', usage });
    this.#push({ type: 'timings', timings: this.#timings(usage.promptTokens, usage.completionTokens) });
    this.#push({ type: 'end', ...(this.#finish ?? { reason: 'stop' }) });
  }

  /**
   * Shows what was held back as the possible beginning of a stop string. A thought is ended where the answer is over;
   * one that goes on later goes on inside it.
   */
  release({ isOver }: { isOver: boolean }): void {
    if (!this.#isStopped) this.#show(this.#stops.end() + (isOver ? this.#thoughts.end() : ''));
  }

  #say({ aside, answer }: Shown, heardCharacters: number): void {
    this.#lastAt = performance.now();
    if (this.#pieces === 0) this.#firstAt = this.#lastAt;
    this.#pieces += 1;
    this.#pace.count(1, this.#lastAt);
    this.#characters += heardCharacters;
    if (aside !== '') this.#show(this.#stops.end() + aside);
    const { text, stop } = this.#stops.push(answer);
    this.#show(text);
    if (stop === null) return;
    this.#isStopped = true;
    this.#finish = { reason: 'stop-string', stopString: stop };
  }

  /** A piece is about a token. */
  #isFull(): boolean {
    const { maxNewTokens } = this.#request.sampling;
    return this.#holdsLength && maxNewTokens !== undefined && this.#pieces >= maxNewTokens;
  }

  #endByLength(): void {
    this.release({ isOver: true });
    this.#isStopped = true;
    this.#finish = { reason: 'length' };
  }

  #show(text: string): void {
    if (text !== '') this.#push({ type: 'text-delta', text });
  }

  #stopStrings(more: readonly string[]): StopStrings {
    const { prompt, sampling } = this.#request;
    return new StopStrings([...(sampling.stop ?? []), ...more], openAnswer(prompt));
  }

  #note({ usage, finish }: ServiceEvent): void {
    if (usage) this.#usage = usage;
    if (finish && !this.#isStopped) this.#finish = finish;
  }

  #checkLength(provider: RemoteProvider): void {
    const allowed = (this.#request.sampling.maxNewTokens ?? Number.MAX_SAFE_INTEGER) + graceTokens;
    if (this.#pieces <= allowed * piecesPerToken && this.#characters <= allowed * charactersPerToken) return;
    throw endlessAnswer(provider);
  }

  /** Some services tell no usage; a piece is about a token then. */
  #guess(promptTokens: number): NonNullable<ServiceEvent['usage']> {
    const most = this.#request.sampling.maxNewTokens ?? this.#pieces;
    return { promptTokens, cachedTokens: 0, completionTokens: Math.min(this.#pieces, most) };
  }

  #timings(promptTokens: number, completionTokens: number) {
    const firstTokenMs = (this.#firstAt || performance.now()) - this.#startedAt;
    const generationMs = Math.max(0, this.#lastAt - this.#firstAt);
    const perSecond = (tokens: number, ms: number): number => (ms > 0 ? (tokens * 1000) / ms : 0);
    return {
      queuedMs: 0,
      promptMs: firstTokenMs,
      firstTokenMs,
      generationMs,
      promptTokensPerSecond: perSecond(promptTokens, firstTokenMs),
      tokensPerSecond: perSecond(Math.max(0, completionTokens - 1), generationMs),
      ...this.#pace.shown(),
    };
  }
}
