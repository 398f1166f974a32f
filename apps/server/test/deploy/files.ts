import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { objectOf } from '../running-server.ts';

const ROOT = join(import.meta.dirname, '../../../../deploy');

export interface Manifest {
  readonly file: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly content: Record<string, unknown>;
}

export function deployFile(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/** One per file. */
export function manifests(): readonly Manifest[] {
  return readdirSync(join(ROOT, 'kubernetes')).map((file) => {
    const content = objectOf(parse(deployFile(`kubernetes/${file}`)));
    return {
      file,
      kind: String(content['kind']),
      apiVersion: String(content['apiVersion']),
      content,
    };
  });
}

export function manifestOf(kind: string): Record<string, unknown> {
  const found = manifests().find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found.content;
}

/** What stands at a path of names and indices. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, step) => {
    if (typeof step === 'number') return Array.isArray(inner) ? inner[step] : undefined;
    return inner === undefined ? undefined : objectOf(inner)[step];
  }, value);
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  if (!Array.isArray(found)) throw new Error(`no list at ${path.join('.')}`);
  return found;
}
