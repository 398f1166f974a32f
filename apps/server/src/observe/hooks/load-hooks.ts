import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HOOK_NAMES, isHookName, type LifecycleHooks } from './lifecycle-hooks.ts';

/** The module of hooks cannot be used. */
class HooksError extends Error {
  readonly code = 'hooks_unusable';
  override readonly name = 'HooksError';
}

/**
 * Loads hooks from a module: what it exports by their names, or as an object by default.
 *
 * @param file Relative to the working directory.
 * @throws HooksError when it cannot be loaded, has none of them, or one that is no function.
 */
export async function loadHooks(file: string): Promise<LifecycleHooks> {
  const { href } = pathToFileURL(resolve(file));
  const loaded: unknown = await import(href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HooksError(`hooks: ${file} cannot be loaded: ${reason}`, { cause });
  });
  const exported = { ...membersOf(membersOf(loaded)['default']), ...membersOf(loaded) };
  const found = Object.entries(exported).filter(([name]) => isHookName(name));
  const wrong = found.filter(([, hook]) => typeof hook !== 'function').map(([name]) => name);
  if (wrong.length > 0) throw new HooksError(`hooks: ${file}: no functions: ${wrong.join(', ')}`);
  if (found.length === 0) {
    throw new HooksError(`hooks: ${file} exports none of ${HOOK_NAMES.join(', ')}`);
  }
  return Object.fromEntries(found);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
