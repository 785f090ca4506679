import type { ErrorBody } from '../../contracts/app-error.ts';
import type { EndReason, Timings, Usage } from '../../contracts/run-parts.ts';
import type { EngineCapabilities, ModelDescription, ModelSource } from '../../engine/engine.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';

/** What is learnt about an answer while it is written, for its receipt. */
export interface AnswerFacts {
  source: ModelSource | null;
  description: ModelDescription | null;
  capabilities: EngineCapabilities | null;
  promptIdsHash: string | null;
  /** What the prompt was really written with; null where the engine does not show it. */
  template: TemplateDescription | null;
  usage: Usage | null;
  timings: Timings | null;
  /** Nobody else was being answered by the engine when this answer ended. */
  wasAlone: boolean;
}

export function noFacts(): AnswerFacts {
  return {
    source: null,
    description: null,
    capabilities: null,
    promptIdsHash: null,
    template: null,
    usage: null,
    timings: null,
    wasAlone: true,
  };
}

export interface AnswerEnd {
  reason: EndReason;
  stopString?: string;
  error?: ErrorBody;
}
