import { strings } from '../strings.ts';
import { copyText } from './browser.ts';
import { showToast } from './toasts.tsx';

/** Says where the text could not be copied; true where it is, for whoever shows that in a way of its own. */
export async function copyOrReport(text: string): Promise<boolean> {
  const isCopied = await copyText(text);
  if (!isCopied) showToast({ text: strings.notCopied, kind: 'problem' });
  return isCopied;
}

export async function copyWithNotice(text: string): Promise<void> {
  if (await copyOrReport(text)) showToast({ text: strings.copied, durationMs: 1_500 });
}
