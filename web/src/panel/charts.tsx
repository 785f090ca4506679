import '../styles/charts.css';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { useChat } from '../transcript/use-message.ts';

const roles = ['system', 'user', 'assistant'] as const;

/** How the context is filled, by who said it; the rest is free. */
export function ContextChart({ session }: { session: ChatSession }) {
  const plan = useChat(session, (state) => state.plan);
  if (!plan || plan.contextTokens === 0) return null;
  const tokens = new Map<string, number>();
  for (const message of plan.messages)
    if (message.seen) tokens.set(message.role, (tokens.get(message.role) ?? 0) + message.tokens);
  const used = panelStrings.contextUsed(plan.promptTokens, plan.contextTokens);
  return (
    <figure className="chart">
      <figcaption className="small soft figures">
        {panelStrings.context}: {used}
      </figcaption>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={used}>
        <rect x="0" y="0" width="100" height="4" className="chart-free" />
        {roles.map((role, index) => {
          const share = (name: string): number => ((tokens.get(name) ?? 0) / plan.contextTokens) * 100;
          const x = roles.slice(0, index).reduce((sum, name) => sum + share(name), 0);
          return <rect key={role} x={x} y="0" width={share(role)} height="4" className={`chart-${role}`} />;
        })}
      </svg>
      <ul className="legend small soft figures">
        {roles.map((role) => (
          <li key={role} className={`legend__item legend__item--${role}`}>
            {panelStrings.roles[role]} {strings.number(tokens.get(role) ?? 0)}
          </li>
        ))}
      </ul>
    </figure>
  );
}
