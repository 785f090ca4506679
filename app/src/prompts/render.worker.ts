import { parentPort } from 'node:worker_threads';
import { toAppError } from '../contracts/app-error.ts';
import { renderTemplate, templateLimits, type TemplateTask } from './jinja-template.ts';
import type { RenderAnswer } from './template-renderer.ts';

/** The thread in which chat templates run; its owner ends it when it takes too long. */
parentPort?.on('message', (task: TemplateTask) => {
  parentPort?.postMessage(answer(task));
});

/** Lists are joined inside the interpreter, where nothing else reaches; in this thread nobody but templates joins any. */
const { concat } = Array.prototype;
function boundedConcat(this: unknown[], ...others: unknown[]): unknown[] {
  const length = others.reduce<number>(
    (sum, other) => sum + (Array.isArray(other) ? other.length : 1),
    this.length,
  );
  if (length > templateLimits.listLength) throw new Error(`a list of ${length} items`);
  return concat.apply(this, others);
}
// oxlint-disable-next-line no-extend-native -- the interpreter offers no other place
Object.defineProperty(Array.prototype, 'concat', {
  value: boundedConcat,
  writable: true,
  configurable: true,
});

parentPort?.postMessage('ready');

function answer(task: TemplateTask): RenderAnswer {
  try {
    return { segments: renderTemplate(task) };
  } catch (error) {
    return { error: toAppError(error).toJSON() };
  }
}
