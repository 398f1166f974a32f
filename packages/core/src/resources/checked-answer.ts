import { EZThrottleError } from '../errors.ts';
import { isObject } from '../http/json.ts';

/** A 2xx whose body is not what was asked for. */
export function unexpectedAnswer(what: string): EZThrottleError {
  return new EZThrottleError(`The server's answer is not ${what}`, { code: 'unexpected_answer' });
}

/** An answer that has text in all of these members; throws when it has not. */
export function checkedAnswer<T>(answer: unknown, what: string, names: readonly (keyof T)[]): T {
  if (!hasTexts<T>(answer, names)) throw unexpectedAnswer(what);
  return answer;
}

/** Looks at these members alone: what else an answer must have is a matter between server and types. */
function hasTexts<T>(answer: unknown, names: readonly PropertyKey[]): answer is T {
  return isObject(answer) && names.every((name) => typeof answer[String(name)] === 'string');
}
