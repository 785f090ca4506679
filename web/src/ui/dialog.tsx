import { useState, type ReactNode } from 'react';
import { Dialog as Primitive } from 'radix-ui';
import { X } from 'lucide-react';
import { useClosedByBack } from '../state/history.ts';
import { strings } from '../strings.ts';
import { leaveEscapeToField } from './field-keys.ts';
import { focusAgain } from './focus-again.ts';
import { IconButton } from './icon-button.tsx';

export interface DialogProps {
  title: string;
  description?: string;
  /** `sheet` comes from the right, `drawer` from the left, `wide` is for views with columns. */
  kind?: 'small' | 'wide' | 'sheet' | 'drawer';
  isHeadless?: boolean;
  /** Absent: only what is asked for ends it. */
  onClose?: () => void;
  children: ReactNode;
}

/** Notices lie above a dialog, and tell of what was done in it. */
function staysForNotices(event: Event): void {
  if (event.target instanceof Element && event.target.closest('.toast')) event.preventDefault();
}

/** An open dialog; mount it to open it. Back closes it, and focus goes back to where it was. */
export function Dialog({ title, description, kind = 'small', isHeadless, onClose, children }: DialogProps) {
  useClosedByBack(onClose);
  // The library gives it back to what opened a dialog, of which it knows nothing here.
  const [before] = useState(() => document.activeElement);
  return (
    <Primitive.Root open onOpenChange={(open) => !open && onClose?.()}>
      <Primitive.Portal>
        <Primitive.Overlay className="scrim" />
        <Primitive.Content
          className={`dialog dialog--${kind}`}
          onEscapeKeyDown={leaveEscapeToField}
          onInteractOutside={staysForNotices}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            focusAgain(before);
          }}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          {isHeadless ? (
            <Primitive.Title className="only-read-aloud">{title}</Primitive.Title>
          ) : (
            <header className="dialog__head">
              <Primitive.Title className="dialog__title">{title}</Primitive.Title>
              {onClose && (
                <Primitive.Close asChild>
                  <IconButton label={strings.close}>
                    <X />
                  </IconButton>
                </Primitive.Close>
              )}
            </header>
          )}
          {description && (
            <Primitive.Description className="dialog__description">{description}</Primitive.Description>
          )}
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
