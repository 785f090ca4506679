import type { Draft } from '../state/draft.ts';
import { strings } from '../strings.ts';
import { bytes } from '../ui/times.ts';

export interface Attachment {
  id: string;
  name: string;
  text: string;
}

/** A text file beyond this fills every context there is. */
const maxFileBytes = 1024 * 1024;
/** A paste longer than this becomes an attachment: a text field crawls with it. */
export const longPasteCharacters = 20_000;

/** One of pixels; an SVG is text. */
export const isPicture = ({ type }: File): boolean => type.startsWith('image/') && type !== 'image/svg+xml';

export type ReadFile = { ok: true; attachment: Attachment } | { ok: false; reason: string };

/** A file as text, or why not. Bytes that are no UTF-8 text are told by themselves, whatever the name says. */
export async function readTextFile(file: File): Promise<ReadFile> {
  if (file.size > maxFileBytes)
    return { ok: false, reason: strings.composer.tooLarge(file.name, bytes(maxFileBytes)) };
  let buffer: ArrayBuffer;
  try {
    buffer = await file.arrayBuffer();
  } catch {
    // A folder, a file of somebody else, or one that is gone by now.
    return { ok: false, reason: strings.composer.notReadable(file.name) };
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(buffer);
    if (text.includes('\0')) return { ok: false, reason: strings.composer.notText(file.name) };
    return {
      ok: true,
      attachment: { id: `${file.name}-${file.size}-${file.lastModified}`, name: file.name, text },
    };
  } catch {
    return { ok: false, reason: strings.composer.notText(file.name) };
  }
}

/** The file as a quoted block: its name, then its text behind a fence longer than any inside it. */
export function quoted({ name, text }: Attachment): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  const extension = /\.([a-z\d]{1,8})$/i.exec(name)?.[1] ?? '';
  return `${name}\n${fence}${extension}\n${text.replace(/\n$/, '')}\n${fence}`;
}

export function withAttachments(text: string, attachments: readonly Attachment[]): string {
  return [...attachments.map(quoted), text].filter((part) => part.trim() !== '').join('\n\n');
}

type Content = Pick<Draft, 'text' | 'attachments'>;

/** Asked for each key, so without putting the texts together. */
export function isBlank({ text, attachments }: Content): boolean {
  return attachments.length === 0 && !/\S/.test(text);
}

export function contentLength({ text, attachments }: Content): number {
  return attachments.length === 0 ? text.length : withAttachments(text, attachments).length;
}
