import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';

/** Whether the value can be sent as JSON, and is not nested without bound. */
export function checkJson(value: unknown, path: string): readonly Problem[] {
  try {
    // First, since only what can be written has an end.
    if (JSON.stringify(value) !== undefined) return checkDepth(value, path);
  } catch {
    // A cycle, a BigInt, or deeper than the runtime can go.
  }
  const expected = 'JSON, without cycle or BigInt';
  return [{ path, message: 'cannot be written as JSON', expected }];
}

function checkDepth(value: unknown, path: string): readonly Problem[] {
  const levels = LIMITS.metadataDepth;
  if (!isDeeper(value, levels)) return [];
  const expected = `at most ${levels} levels of objects and lists`;
  return [{ path, message: 'is nested too deeply', expected }];
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}
