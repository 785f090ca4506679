import type { Sampling } from '../../contracts/sampling.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';
import type { CountResult, GenerateRequest, Prompt } from '../engine.ts';
import type { OnEvent } from './service-events.ts';

/** How one kind of service is spoken to; `remote-engine.ts` does all that is the same for every kind. */
export interface Dialect {
  readonly sampling: readonly (keyof Sampling)[];
  readonly continueAnswer: boolean;
  readonly template: TemplateDescription;
  readonly contextTokens: number | null;
  /** The longest prompt, where the service takes less than its context. */
  readonly mostPromptTokens?: number | null;
  /** True: the service is known to refuse a prompt that is too long for the model; others may cut it in silence. */
  readonly refusesTooLong?: boolean;
  /** False: the service is allowed more tokens than the answer, whose length is held here. */
  readonly endsByLength?: boolean;
  /** What computes, as a person would name it. */
  readonly title: string;
  /** True where a count is that of the model's own tokenizer; it may come later than the first question. */
  countsExactly(): boolean;
  count(prompt: Prompt): Promise<CountResult>;
  /** Resolves when the service has ended its answer; rejects with errors that name the provider. */
  stream(request: GenerateRequest, onEvent: OnEvent, signal: AbortSignal): Promise<void>;
}
