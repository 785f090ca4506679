import type { ContextPlan } from '@corral/app/contracts/runs';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { useChat } from '../transcript/use-message.ts';

const radius = 6;
const length = 2 * Math.PI * radius;

/** How full the context is; from four fifths on it says so in colour as well. */
export function ContextRing({ session, draftPlan }: { session: ChatSession; draftPlan: ContextPlan | null }) {
  const known = useChat(session, (state) => state.plan);
  const plan = draftPlan ?? known;
  if (!plan || plan.contextTokens === 0) return null;
  const share = Math.min(1, plan.promptTokens / plan.contextTokens);
  const label = strings.composer.context(plan.promptTokens, plan.contextTokens);
  return (
    <span
      className="ring"
      role="img"
      aria-label={label}
      data-tip={label}
      data-full={share >= 0.8 || undefined}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" fill="none" strokeWidth="2.5" aria-hidden>
        <circle cx="8" cy="8" r={radius} className="ring__ground" />
        <circle
          cx="8"
          cy="8"
          r={radius}
          className="ring__value"
          strokeDasharray={`${share * length} ${length}`}
          transform="rotate(-90 8 8)"
        />
      </svg>
    </span>
  );
}
