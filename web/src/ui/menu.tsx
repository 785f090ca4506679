import { useState, type ReactElement, type ReactNode } from 'react';
import { DropdownMenu } from 'radix-ui';
import { Check } from 'lucide-react';

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  note?: ReactNode;
  shortcut?: string;
  isChecked?: boolean;
  isDangerous?: boolean;
  isDisabled?: boolean;
  onSelect?: () => void;
  /** A menu behind the item. */
  items?: readonly MenuEntry[];
}

export type MenuEntry = MenuItem | 'line' | { heading: string };

export interface MenuProps {
  trigger: ReactElement;
  items: readonly MenuEntry[];
  align?: 'start' | 'center' | 'end';
  side?: 'top' | 'bottom' | 'right';
  label?: string;
}

function Entry({ entry }: { entry: MenuEntry }) {
  if (entry === 'line') return <DropdownMenu.Separator className="menu__line" />;
  if ('heading' in entry)
    return <DropdownMenu.Label className="menu__heading">{entry.heading}</DropdownMenu.Label>;
  const content = (
    <>
      <span className="menu__icon">{entry.isChecked ? <Check size={16} /> : entry.icon}</span>
      <span className="menu__label">{entry.label}</span>
      {entry.note && <span className="menu__note">{entry.note}</span>}
      {entry.shortcut && <kbd>{entry.shortcut}</kbd>}
    </>
  );
  if (entry.items)
    return (
      <DropdownMenu.Sub>
        <DropdownMenu.SubTrigger className="menu__item">{content}</DropdownMenu.SubTrigger>
        <DropdownMenu.Portal>
          <DropdownMenu.SubContent className="menu" sideOffset={4} collisionPadding={8}>
            <Entries items={entry.items} />
          </DropdownMenu.SubContent>
        </DropdownMenu.Portal>
      </DropdownMenu.Sub>
    );
  return (
    <DropdownMenu.Item
      className="menu__item"
      data-danger={entry.isDangerous || undefined}
      {...(entry.isDisabled ? { disabled: true } : {})}
      {...(entry.onSelect ? { onSelect: entry.onSelect } : {})}
    >
      {content}
    </DropdownMenu.Item>
  );
}

function Entries({ items }: { items: readonly MenuEntry[] }) {
  return items.map((entry, index) => <Entry key={index} entry={entry} />);
}

export function Menu({ trigger, items, align = 'start', side = 'bottom', label }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  // Inside the main landmark, except over a dialog, which makes everything behind it inert.
  const place = isOpen && !document.querySelector('[role="dialog"]') ? document.getElementById('main') : null;
  return (
    <DropdownMenu.Root modal={false} open={isOpen} onOpenChange={setOpen}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal {...(place ? { container: place } : {})}>
        <DropdownMenu.Content
          className="menu"
          align={align}
          side={side}
          sideOffset={4}
          collisionPadding={8}
          {...(label ? { 'aria-label': label } : {})}
        >
          <Entries items={items} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
