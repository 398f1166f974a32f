import { EZThrottleError } from '../errors.ts';

/** A 2xx whose body is not what was asked for. */
export function unexpectedAnswer(what: string): EZThrottleError {
  return new EZThrottleError(`The server's answer is not ${what}`, { code: 'unexpected_answer' });
}
