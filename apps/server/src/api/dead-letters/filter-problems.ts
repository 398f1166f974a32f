import type { DeadLetterFilter, Problem } from '@ezthrottle/core/protocol';
import { destinationOf } from '@ezthrottle/engine';

/** What is wrong with a filter of dead letters, which then would mean none of them, or others. */
export function filterProblems(
  { destination, ended_from: from, ended_before: before }: DeadLetterFilter,
  prefix = '',
): readonly Problem[] {
  const problems: Problem[] = [];
  if (destination !== undefined && !isOrigin(destination)) {
    problems.push({
      path: `${prefix}destination`,
      message: 'is not an origin',
      expected: `${/^https?:/i.test(destination) && URL.canParse(destination) ? destinationOf(destination) : 'such as https://api.example.com'}, without a path`,
    });
  }
  if (from !== undefined && before !== undefined && from >= before) {
    problems.push({
      path: `${prefix}ended_from`,
      message: 'is not before ended_before: nothing can be in between',
      expected: 'an earlier moment than ended_before',
    });
  }
  return problems;
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
