import {
  cloneElement,
  useState,
  type HTMLAttributes,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
} from 'react';
import { later } from './later.tsx';

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
  trigger: ReactElement<HTMLAttributes<HTMLElement> & { 'data-state'?: 'open' | 'closed' }>;
  /** A function where putting them together is not for nothing: it is called while the menu is open. */
  items: readonly MenuEntry[] | (() => readonly MenuEntry[]);
  align?: 'start' | 'center' | 'end';
  side?: 'top' | 'bottom' | 'right';
  label?: string;
}

const OpenMenu = later(() => import('./open-menu.tsx').then((module) => module.OpenMenu));

export const fetchMenu = (): Promise<void> => OpenMenu.fetch();

/** Its code is here by the time the button is pressed; without a network the press asks again. */
function loadAhead(): void {
  fetchMenu().catch(() => undefined);
}

/** A button with a menu. What opens is fetched when it is likely to be wanted: many of these are in the page. */
export function Menu({ trigger, items, ...rest }: MenuProps) {
  const [opener, setOpener] = useState<HTMLElement | null>(null);
  const toggle = (element: HTMLElement): void => setOpener((known) => (known ? null : element));
  const button = cloneElement(trigger, {
    'aria-haspopup': 'menu',
    'aria-expanded': opener !== null,
    'data-state': opener ? 'open' : 'closed',
    onPointerEnter: loadAhead,
    onFocus: loadAhead,
    onClick: (event) => toggle(event.currentTarget),
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      if (event.key !== 'ArrowDown') return;
      event.preventDefault();
      setOpener(event.currentTarget);
    },
  });
  return (
    <>
      {button}
      {opener && (
        <OpenMenu
          opener={opener}
          items={typeof items === 'function' ? items() : items}
          onClose={() => setOpener(null)}
          {...rest}
        />
      )}
    </>
  );
}
