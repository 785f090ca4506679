import { useImperativeHandle, useLayoutEffect, type HTMLAttributes, type Ref } from 'react';
import { DropdownMenu } from 'radix-ui';
import { Check } from 'lucide-react';
import { useClosedByBack } from '../state/history.ts';
import { useIsSidebarDrawer } from '../state/layout.ts';
import type { MenuEntry, MenuProps } from './menu.tsx';

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

interface StandingProps extends HTMLAttributes<HTMLElement> {
  element: HTMLElement;
  ref?: Ref<HTMLElement>;
}

/** Draws nothing: the button that is in the page already takes the place of the one that radix would make. */
function Standing({ element, ref, id }: StandingProps) {
  useImperativeHandle(ref, () => element, [element]);
  useLayoutEffect(() => {
    if (id) element.setAttribute('id', id);
  }, [element, id]);
  return null;
}

export interface OpenMenuProps extends Omit<MenuProps, 'trigger' | 'items'> {
  opener: HTMLElement;
  items: readonly MenuEntry[];
  onClose: () => void;
}

export function OpenMenu({ opener, items, onClose, align = 'start', side = 'bottom', label }: OpenMenuProps) {
  // Where a window is wide a menu is no place that one would leave.
  useClosedByBack(useIsSidebarDrawer() ? onClose : undefined);
  // Inside the main landmark, except over a dialog, which makes everything behind it inert.
  const place = document.querySelector('[role="dialog"]') ? null : document.getElementById('main');
  return (
    <DropdownMenu.Root modal={false} open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <DropdownMenu.Trigger asChild>
        <Standing element={opener} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal {...(place ? { container: place } : {})}>
        <DropdownMenu.Content
          className="menu"
          align={align}
          side={side}
          sideOffset={4}
          collisionPadding={8}
          // A press on the button itself closes the menu by its click.
          onInteractOutside={(event) => {
            if (opener.contains(event.target as Node)) event.preventDefault();
          }}
          {...(label ? { 'aria-label': label } : {})}
        >
          <Entries items={items} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
