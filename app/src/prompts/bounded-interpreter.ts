import { Interpreter, type Environment } from '@huggingface/jinja';
import { checkTextLength, withTextLimit } from './bounded-texts.ts';

export interface Bounds {
  textLength: number;
  listLength: number;
}

interface Evaluated {
  value: unknown;
}

/** What is used of the interpreter; its own types do not say. */
interface Evaluator {
  run(program: unknown): Evaluated;
  evaluate(...given: unknown[]): Evaluated;
}

/**
 * The text that a template writes. The result of every expression is looked at, so what a template doubles and doubles
 * ends while it is small: V8 makes the allocation that goes beyond a thread's limit, and ends the thread, or even the
 * process, after that.
 */
export function runBounded(program: unknown, environment: Environment, bounds: Bounds): string {
  const interpreter: Evaluator = new Interpreter(environment);
  const evaluate = interpreter.evaluate.bind(interpreter);
  interpreter.evaluate = (...given) => {
    const result = evaluate(...given);
    check(result.value, bounds.listLength);
    return result;
  };
  return withTextLimit(bounds.textLength, () => String(interpreter.run(program).value));
}

function check(value: unknown, listLength: number): void {
  if (typeof value === 'string') checkTextLength(value.length);
  if (Array.isArray(value) && value.length > listLength)
    throw new RangeError(`a list of ${value.length} items, where ${listLength} are enough`);
}
