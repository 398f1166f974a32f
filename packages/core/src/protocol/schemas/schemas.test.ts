import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { JobRequest } from '../job.ts';
import { LIMITS } from '../limits.ts';
import {
  JOB_LIST_SCHEMA,
  JOB_REQUEST_SCHEMA,
  LIMIT_LIST_SCHEMA,
  LIMIT_SETTINGS_SCHEMA,
  ROTATE_WEBHOOK_SECRETS_SCHEMA,
  WEBHOOK_SECRETS_SCHEMA,
} from './index.ts';
import { enumSchema, objectSchema } from './json-schema.ts';

const ajv = new Ajv({ allErrors: true, strict: true });
const url = 'https://api.example.com';

function placesOf(validate: ValidateFunction, value: unknown): readonly string[] {
  validate(value);
  const places = (validate.errors ?? []).map(({ instancePath, params }) =>
    'missingProperty' in params
      ? `${instancePath}/${String(params['missingProperty'])}`
      : instancePath,
  );
  return [...new Set(places)];
}

describe('the schema of a job', () => {
  const validate = ajv.compile<JobRequest>(JOB_REQUEST_SCHEMA);
  const file = new URL('../../../../../spec/vectors/normalise/jobs.json', import.meta.url);
  const vectors: { readonly cases: readonly { readonly name: string; readonly value: unknown }[] } =
    JSON.parse(readFileSync(file, 'utf8'));

  it.each(vectors.cases)('takes $name', ({ value }) => {
    expect(placesOf(validate, value)).toEqual([]);
  });

  it('names everything that has the wrong kind, at every depth, all at once', () => {
    const job = {
      method: 7,
      headers: { Accept: 1 },
      body_encoding: 'hex',
      timeout_ms: 0,
      metadata: [],
      tags: [''],
      webhooks: [{ url: 1 }, {}],
      webhook_quorum: -1,
      region_policy: 'loose',
      execution_mode: 'relay',
      priority: 101,
      repeat: 'sometimes',
      retry_at: '2026-01-01',
      retry_policy: { max_retries: -1, retry_codes: [99] },
      on_success: { url, fallback_job: { url, trigger: { codes: 'all' }, on_failure: 'text' } },
    };
    expect(placesOf(validate, job)).toEqual([
      '/url',
      '/method',
      '/headers/Accept',
      '/body_encoding',
      '/timeout_ms',
      '/metadata',
      '/tags/0',
      '/webhooks/0/url',
      '/webhooks/1/url',
      '/webhook_quorum',
      '/region_policy',
      '/execution_mode',
      '/retry_policy/max_retries',
      '/retry_policy/retry_codes/0',
      '/on_success/fallback_job/on_failure',
      '/on_success/fallback_job/trigger/codes',
      '/retry_at',
      '/priority',
      '/repeat',
    ]);
  });

  it.each([
    ['webhooks', Array.from({ length: LIMITS.webhooks + 1 }, () => ({ url }))],
    ['regions', Array.from({ length: LIMITS.regions + 1 }, () => 'iad')],
    ['tags', Array.from({ length: LIMITS.tags + 1 }, () => 'tag')],
    ['idempotent_key', 'k'.repeat(LIMITS.idempotentKeyLength + 1)],
    ['timeout_ms', 900_001],
  ])('bounds %s', (field, value) => {
    expect(placesOf(validate, { url, [field]: value })).toEqual([`/${field}`]);
  });

  it.each(['Ж', 'a\r\nX-Evil: 1', '\u0000', '  ', ' iad', '-iad', 'iad\n', '__proto__', 'é'])(
    'refuses what cannot travel as the name of a region: %j',
    (name) => {
      const webhooks = [{ url, regions: ['us-east_1.a', name] }];
      expect(placesOf(validate, { url, webhooks, regions: ['IAD', name] })).toEqual([
        '/webhooks/0/regions/1',
        '/regions/1',
      ]);
    },
  );

  it('neither changes nor strips its input', () => {
    const job = { url, priority: '5', colour: 'red' };
    validate(job);
    expect(job).toEqual({ url, priority: '5', colour: 'red' });
  });

  it('is walked through a thousand fallbacks without harm', () => {
    const chain = Array.from({ length: LIMITS.treeSteps - 1 }).reduce<object>(
      (next) => ({ url, fallback_job: next }),
      { url },
    );
    expect(placesOf(validate, chain)).toEqual([]);
  });
});

describe('the other schemas', () => {
  it('ask 16 characters of a webhook secret', () => {
    const validate = ajv.compile(WEBHOOK_SECRETS_SCHEMA);
    expect(placesOf(validate, { primary_secret: 'x'.repeat(16) })).toEqual([]);
    expect(placesOf(validate, { secondary_secret: 'short' })).toEqual([
      '/primary_secret',
      '/secondary_secret',
    ]);
    const rotate = ajv.compile(ROTATE_WEBHOOK_SECRETS_SCHEMA);
    expect(placesOf(rotate, { new_secret: 'x'.repeat(15) })).toEqual(['/new_secret']);
  });

  it('take the query of a list as text', () => {
    const validate = ajv.compile(JOB_LIST_SCHEMA);
    expect(placesOf(validate, { status: 'success', state: 'completed', limit: '100' })).toEqual([]);
    expect(placesOf(validate, { status: 'done', limit: '101' })).toEqual(['/status', '/limit']);
  });
});

describe('a schema beside its type', () => {
  interface Thing {
    readonly name: string;
    readonly size?: 'small' | 'large';
  }
  const name = { type: 'string' } as const;
  const size = enumSchema<'small' | 'large'>({ small: true, large: true });

  it('compiles only while both agree', () => {
    expect(objectSchema<Thing>({ name: true }, { name, size })).toEqual({
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, size: { type: 'string', enum: ['small', 'large'] } },
    });
    // Each of the next lines must be an error; the compiler complains when one is not.
    // @ts-expect-error a field is missing
    objectSchema<Thing>({ name: true }, { name });
    // @ts-expect-error a field that the type does not have
    objectSchema<Thing>({ name: true }, { name, size, weight: name });
    // @ts-expect-error a field of another kind
    objectSchema<Thing>({ name: true }, { name: { type: 'integer' }, size });
    // @ts-expect-error a required field is not listed
    objectSchema<Thing>({}, { name, size });
    // @ts-expect-error an optional field is listed as required
    objectSchema<Thing>({ name: true, size: true }, { name, size });
    // @ts-expect-error a word is missing
    enumSchema<'small' | 'large'>({ small: true });
  });
});

describe('the schemas of limits', () => {
  const settings = ajv.compile(LIMIT_SETTINGS_SCHEMA);
  const list = ajv.compile(LIMIT_LIST_SCHEMA);

  it('take every field within its bounds', () => {
    const least = { rate: 0.001, per_ms: 1, burst: 1, concurrency: 1, floor: 0.001, ceiling: 1 };
    const most = {
      rate: 1_000_000,
      per_ms: 86_400_000,
      burst: 1_000_000_000,
      concurrency: 1_000_000,
    };
    const others = { adaptive: true, paused: true, paused_until: 0, settle_header: 'X' };
    expect(
      [{}, least, most, others, { settle_path: '$.a' }].flatMap((one) => placesOf(settings, one)),
    ).toEqual([]);
    expect(placesOf(list, { prefix: '', cursor: 'x', limit: '100' })).toEqual([]);
  });

  it('name every field that is beyond them', () => {
    const wrong = {
      rate: 0,
      per_ms: 86_400_001,
      burst: 1.5,
      concurrency: 0,
      adaptive: 'yes',
      floor: -1,
      ceiling: 1_000_001,
      paused: 1,
      paused_until: '2026-01-01',
      settle_header: '',
      settle_path: 'x'.repeat(257),
    };
    expect(placesOf(settings, wrong)).toEqual(Object.keys(wrong).map((name) => `/${name}`));
    expect(placesOf(list, { prefix: 1, cursor: '', limit: '101' })).toEqual([
      '/prefix',
      '/cursor',
      '/limit',
    ]);
  });
});
