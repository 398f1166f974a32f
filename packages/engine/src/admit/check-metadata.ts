import type { Problem } from '@ezthrottle/core/protocol';
import { LIMITS } from '@ezthrottle/core/protocol';
import { isJsonObject } from './json-object.ts';

/** Metadata that is nested too deep or too large as JSON. What is no object at all passes here. */
export function checkMetadata(
  value: unknown,
  path: string,
  limits: { readonly metadataBytes: number; readonly metadataDepth: number } = LIMITS,
): Problem[] {
  if (!isJsonObject(value)) return [];
  // First the depth, without recursion: serialising what is nested very deep would overflow the stack.
  if (isDeeperThan(value, limits.metadataDepth)) {
    return [
      {
        path,
        message: 'is nested too deep',
        expected: `at most ${limits.metadataDepth} levels of objects and lists`,
      },
    ];
  }
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  if (bytes <= limits.metadataBytes) return [];
  return [
    {
      path,
      message: `is ${bytes} bytes long as JSON`,
      expected: `at most ${limits.metadataBytes} bytes`,
    },
  ];
}

function isDeeperThan(root: object, maxDepth: number): boolean {
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((container) =>
      Object.values(container).filter(
        (member: unknown): member is object => typeof member === 'object' && member !== null,
      ),
    );
  }
  return false;
}
