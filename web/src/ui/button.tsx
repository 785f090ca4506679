import type { ComponentProps } from 'react';

export interface ButtonProps extends ComponentProps<'button'> {
  kind?: 'plain' | 'primary' | 'quiet' | 'danger';
}

export function Button({ kind = 'plain', className, ...rest }: ButtonProps) {
  const classes = ['button', `button--${kind}`, className].filter(Boolean).join(' ');
  return <button type="button" className={classes} {...rest} />;
}
