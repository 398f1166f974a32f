import type { Problem } from '@ezthrottle/core/protocol';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import { placedPaths } from './placed-paths.ts';
import { refersTo } from './secret-references.ts';

/** A secret of the job's organization by its name; null: there is none. `*` among origins is any. */
export type SecretLookup = (name: string) => { readonly origins: readonly string[] } | null;

/** Parts of a call that its secrets make too long: characters of the address, else bytes. */
export type ExcessLookup = (
  path: PathSpec,
) => readonly { readonly part: 'url' | 'headers' | 'body'; readonly most: number }[];

/**
 * References to secrets that do not exist, that may not go where the call goes, or that make it too long. To
 * be answered with 422. Looks at the job, its fallbacks and all jobs that follow.
 */
export function checkSecrets(
  spec: JobSpec,
  secretOf: SecretLookup,
  excessOf: ExcessLookup,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { path, at } of placedPaths(spec, ({ secrets }) => secrets !== undefined)) {
    if (path.secrets === undefined) continue;
    for (const { part, most } of excessOf(path)) {
      const message = 'is too long with its secrets in it';
      const unit = part === 'url' ? 'characters' : 'bytes';
      problems.push({
        path: at(part),
        message,
        expected: `at most ${most} ${unit}, secrets included`,
      });
    }
    for (const name of path.secrets) {
      const wrong = problemOf(name, path.origin, secretOf(name));
      if (wrong === null) continue;
      for (const field of fieldsWith(path, name)) problems.push({ path: at(field), ...wrong });
    }
  }
  return problems;
}

function problemOf(
  name: string,
  origin: string,
  secret: ReturnType<SecretLookup>,
): Omit<Problem, 'path'> | null {
  if (secret === null) {
    return {
      message: `refers to the secret ${name}, which does not exist`,
      expected: 'the name of a stored secret, or {{!secret.…}} to send the text itself',
    };
  }
  if (secret.origins.includes('*') || secret.origins.includes(origin)) return null;
  return {
    message: `refers to the secret ${name}, which may not be sent to ${origin}`,
    expected: 'one of the origins that the secret names',
  };
}

function fieldsWith({ url, headers, body }: PathSpec, name: string): readonly string[] {
  const fields = Object.keys(headers).filter((header) => refersTo(headers[header] ?? '', name));
  return [
    ...(refersTo(url, name) ? ['url'] : []),
    ...fields.map((header) => `headers.${header}`),
    ...(body?.encoding === 'utf8' && refersTo(body.data, name) ? ['body'] : []),
  ];
}
