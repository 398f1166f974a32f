import { unknownVariables } from '../config.ts';

/** Says on stderr which variables have no effect: an error would forbid other tools the prefix. */
export function warnOfVariables(environment: Readonly<Record<string, string | undefined>>): void {
  for (const name of unknownVariables(environment)) {
    process.stderr.write(`ezthrottle: warning: ${name} is not a setting and has no effect\n`);
  }
}
