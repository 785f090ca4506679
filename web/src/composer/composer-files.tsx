import { FileText, X } from 'lucide-react';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';
import type { Attachment } from './attachments.ts';

export interface ComposerFilesProps {
  files: readonly Attachment[];
  onRemove: (id: string) => void;
}

/** What goes along with the message, above its text. */
export function ComposerFiles({ files, onRemove }: ComposerFilesProps) {
  if (files.length === 0) return null;
  return (
    <ul className="composer__files">
      {files.map((file) => (
        <li key={file.id} className="chip">
          <FileText size={14} aria-hidden />
          <span className="truncate">{file.name}</span>
          <span className="small soft figures">{strings.characters(file.text.length)}</span>
          <IconButton label={`${strings.remove} ${file.name}`} onClick={() => onRemove(file.id)}>
            <X />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
