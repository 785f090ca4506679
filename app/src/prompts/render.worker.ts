import { parentPort } from 'node:worker_threads';
import { toAppError } from '../contracts/app-error.ts';
import { boundTextMethods } from './bounded-texts.ts';
import { renderTemplate, type TemplateTask } from './jinja-template.ts';
import type { RenderAnswer } from './template-thread.ts';

/** The thread in which chat templates run; its owner ends it when it takes too long. */
parentPort?.on('message', (task: TemplateTask) => {
  parentPort?.postMessage(answer(task));
});

boundTextMethods();
parentPort?.postMessage('ready');

function answer(task: TemplateTask): RenderAnswer {
  try {
    return { segments: renderTemplate(task) };
  } catch (error) {
    return { error: toAppError(error).toJSON() };
  }
}
