import { AppError } from '../contracts/app-error.ts';
import type { TemplateTask } from './jinja-template.ts';
import type { PromptSegment } from './segments.ts';
import { TemplateThread } from './template-thread.ts';

/** Renders chat templates where they can harm nobody. */
export interface TemplateRenderer {
  /** Rejects with `template-failed` when the template fails, takes too long or takes too much memory. */
  render(task: TemplateTask): Promise<PromptSegment[]>;
  close(): Promise<void>;
}

const ordinaryChars = 1_000_000;
/** A chat of a million characters takes 24 MB, one of four millions up to 60. */
const ordinaryMb = 32;
const bytesPerChar = 16;

/**
 * One thread, started when first needed and again after a template had to be stopped. A chat that is longer than
 * others gets one of its own with more memory, which ends with it.
 */
export function createTemplateRenderer({ timeoutMs = 2_000 } = {}): TemplateRenderer {
  let ordinary: TemplateThread | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  async function renderNow(task: TemplateTask): Promise<PromptSegment[]> {
    if (isClosed) throw new AppError('engine-unavailable', 'The renderer of chat templates is closed.');
    const chars = task.chat.messages.reduce((sum, { content }) => sum + content.length, 0);
    if (chars > ordinaryChars) return renderLong(task, chars);
    if (ordinary === null || ordinary.hasEnded)
      ordinary = await TemplateThread.start({ timeoutMs, memoryMb: ordinaryMb });
    return ordinary.render(task);
  }

  async function renderLong(task: TemplateTask, chars: number): Promise<PromptSegment[]> {
    const memoryMb = ordinaryMb + Math.ceil((chars * bytesPerChar) / 2 ** 20);
    const thread = await TemplateThread.start({ timeoutMs, memoryMb });
    try {
      return await thread.render(task);
    } finally {
      await thread.end();
    }
  }

  return {
    render: (task) => {
      const next = queue.then(() => renderNow(task));
      queue = next.catch(() => undefined);
      return next;
    },
    close: async () => {
      isClosed = true;
      await queue;
      await ordinary?.end();
      ordinary = null;
    },
  };
}
