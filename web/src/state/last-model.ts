import { remembered } from '../ui/browser.ts';

const name = 'model-of-last-chat';

/** The model that was chosen in the chat of this browser that was answered last; undefined: it had none of its own. */
export function lastModel(): string | undefined {
  return remembered.read<string | undefined>(name, undefined);
}

export function keepModel(model: string | undefined): void {
  remembered.write(name, model);
}
