import { type KeyParts, partOfAccount } from '../cluster/split-key.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Id } from '../ports/operation.ts';

/** Into how many parts a destination is divided by account at this moment. */
export type PartsOf = (organization: Id, origin: string) => KeyParts;

/**
 * A new job with the part of its destinations in which its account's calls stand in line. They stay there
 * whatever the number of parts is when their turn comes: where a job is done is settled once, by what is written.
 */
export function placedSpec(
  spec: JobSpec,
  { organization, apiKey }: { readonly organization: Id; readonly apiKey: Id },
  partsOf: PartsOf | undefined,
): JobSpec {
  const partOf = ({ origin }: PathSpec): number =>
    partsOf === undefined
      ? 0
      : partOfAccount({ apiKey, userId: spec.userId }, partsOf(organization, origin));
  if (spec.paths.every((path) => partOf(path) === (path.part ?? 0))) return spec;
  const [first, ...rest] = spec.paths;
  return {
    ...spec,
    paths: [withPart(first, partOf(first)), ...rest.map((path) => withPart(path, partOf(path)))],
  };
}

function withPart(path: PathSpec, part: number): PathSpec {
  const { part: _former, ...rest } = path;
  return part === 0 ? rest : { ...rest, part };
}
