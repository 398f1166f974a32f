import { LIMITS, memberPath, type Problem } from '@ezthrottle/core/protocol';
import { parseJsonPath } from '../pace/json-path.ts';
import { isJsonList, isJsonObject } from './json-object.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL_CHARACTER = /\p{Cc}|\p{Cs}/u;

/** The limits that a job names: each once, and settled by what can be found in an answer. */
export function checkLimits(value: unknown, path: string): Problem[] {
  if (!isJsonList(value)) return [];
  const seen = new Set<unknown>();
  return value.slice(0, LIMITS.limitKeys).flatMap((limit, index): Problem[] => {
    if (!isJsonObject(limit)) return [];
    const at = (name: string): string => memberPath(`${path}[${index}]`, name);
    const { key, settle_header: header, settle_path: settlePath } = limit;
    const problems: Problem[] = [];
    if (typeof key === 'string' && CONTROL_CHARACTER.test(key)) {
      const message = 'contains a control character or half of a character';
      problems.push({ path: at('key'), message, expected: 'the name of a limit' });
    }
    if (key !== undefined && seen.has(key)) {
      problems.push({ path: at('key'), message: 'is named already', expected: 'each limit once' });
    }
    seen.add(key);
    if (typeof header === 'string' && !HEADER_NAME.test(header)) {
      problems.push({
        path: at('settle_header'),
        message: 'is not the name of a header',
        expected: 'a name such as X-Cost',
      });
    }
    if (typeof settlePath === 'string' && parseJsonPath(settlePath) === null) {
      problems.push({
        path: at('settle_path'),
        message: 'is not a path to one value',
        expected: 'a path such as $.usage.total_tokens or $.items[0].cost',
      });
    }
    if (header !== undefined && settlePath !== undefined) {
      problems.push({
        path: at('settle_path'),
        message: 'is given beside settle_header',
        expected: 'one of them',
      });
    }
    return problems;
  });
}
