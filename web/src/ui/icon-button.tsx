import type { ComponentProps, ReactNode } from 'react';

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children'> {
  /** Name for screen readers and the tooltip. */
  label: string;
  /** Shown in the tooltip, for instance "Ctrl K". */
  shortcut?: string;
  isPressed?: boolean;
  children: ReactNode;
}

/** A button that is only a picture; its label is its tooltip. */
export function IconButton({ label, shortcut, isPressed, className, children, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-pressed={isPressed}
      data-tip={shortcut ? `${label}\n${shortcut}` : label}
      className={className ? `icon-button ${className}` : 'icon-button'}
      {...rest}
    >
      {children}
    </button>
  );
}
