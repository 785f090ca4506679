import { useRef } from 'react';
import { Button } from './button.tsx';

interface FileButtonProps {
  label: string;
  /** Kinds of files that are offered, as an input's `accept`. */
  accept: string;
  onChoose: (file: File) => void;
}

/** A button that asks for one file; the same file can be chosen again. */
export function FileButton({ label, accept, onChoose }: FileButtonProps) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button onClick={() => picker.current?.click()}>{label}</Button>
      <input
        ref={picker}
        type="file"
        accept={accept}
        hidden
        aria-label={label}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file) onChoose(file);
        }}
      />
    </>
  );
}
