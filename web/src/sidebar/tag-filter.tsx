import { Tag } from 'lucide-react';
import { strings } from '../strings.ts';

export interface TagFilterProps {
  tags: readonly { name: string; chatCount: number }[];
  chosen: string | null;
  onChoose: (tag: string | null) => void;
}

/** Every tag there is; the chosen one leaves only its chats in the list. */
export function TagFilter({ tags, chosen, onChoose }: TagFilterProps) {
  if (tags.length === 0) return null;
  return (
    <div className="tags" role="group" aria-label={strings.sidebar.tags}>
      {tags.map(({ name, chatCount }) => (
        <button
          key={name}
          type="button"
          className="tag"
          aria-pressed={name === chosen}
          aria-label={strings.sidebar.tagged(name, chatCount)}
          onClick={() => onChoose(name === chosen ? null : name)}
        >
          <Tag size={12} strokeWidth={1.75} aria-hidden />
          <span className="truncate" dir="auto">
            {name}
          </span>
          <span className="figures">{chatCount}</span>
        </button>
      ))}
    </div>
  );
}
