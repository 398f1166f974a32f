import { LIMITS } from '@ezthrottle/core/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkJob } from './check-job.ts';
import { mergeProblems } from './merge-problems.ts';

const url = 'https://api.example.com';
const hook = { url: 'https://app.example.com/hook' };

function pathsOf(job: unknown): readonly string[] {
  return checkJob(job).problems.map(({ path }) => path);
}

describe('a job that is right', () => {
  it.each([
    ['the least', { url }],
    ['regions nobody has heard of', { url, regions: ['atlantis'] }],
    ['a quorum without webhooks', { url, webhook_quorum: 3 }],
    ['a quorum of all votes', { url, webhooks: [hook, hook], webhook_quorum: 2 }],
    ['no votes and no quorum asked for', { url, webhooks: [{ ...hook, has_quorum_vote: false }] }],
    ['binary bodies', { url, body: 'AAH/', body_encoding: 'base64' }],
    ['any trigger', { url, fallback_job: { url, trigger: {} } }],
    ['never retrying', { url, retry_policy: { retry_codes: [], reroute_codes: [] } }],
  ])('has no problems: %s', (_, job) => {
    expect(checkJob(job)).toEqual({ problems: [], warnings: [] });
  });
});

describe('what is wrong with a job', () => {
  it('is told all at once, each with its place', () => {
    const job = {
      url: 'ftp://files.example.com',
      method: 'CONNECT',
      headers: { 'X-Good': 'a', 'X-Bad': 'a\r\nHost: evil', 'no name': 'b', 'x-good': 'c' },
      body: '***',
      body_encoding: 'base64',
      retry_policy: { retry_codes: [42] },
      webhooks: [{ url: 'nowhere' }, { ...hook, has_quorum_vote: false }],
      webhook_quorum: 2,
      idempotent_key: 'a\u0000b',
      tags: ['fine', 'two\nlines'],
      fallback_job: { url, on_success: { url: 'https://user:pass@example.com' } },
    };
    expect(pathsOf(job)).toEqual([
      'url',
      'method',
      'headers["X-Bad"]',
      'headers["no name"]',
      'headers["x-good"]',
      'body',
      'retry_policy.retry_codes[0]',
      'webhooks[0].url',
      'webhook_quorum',
      'idempotent_key',
      'tags[1]',
      'fallback_job.on_success.url',
    ]);
  });

  it('never shows the value of a header or a url', () => {
    const job = { url: 'https://u:hunter2@example.com', headers: { Authorization: 'hunter2\n' } };
    expect(JSON.stringify(checkJob(job))).not.toContain('hunter2');
  });

  it.each([
    ['codes and a time', { type: 'on_error', codes: [500], timeout_ms: 5 }, ''],
    ['on_error without codes', { type: 'on_error' }, '.codes'],
    ['on_error with no codes', { type: 'on_error', codes: [] }, '.codes'],
    ['on_error with a time', { type: 'on_error', timeout_ms: 5 }, '.codes'],
    ['on_error with what is no status', { type: 'on_error', codes: [500, 1_000] }, '.codes[1]'],
    ['on_timeout without a time', { type: 'on_timeout' }, '.timeout_ms'],
    ['on_timeout with codes', { type: 'on_timeout', codes: [500] }, '.timeout_ms'],
    ['on_timeout at once', { type: 'on_timeout', timeout_ms: 0 }, '.timeout_ms'],
    ['codes without a type', { codes: [500] }, '.type'],
    ['another type', { type: 'on_monday' }, '.type'],
    ['a word', 'on_error', ''],
  ])('is a trigger with %s', (_, trigger, place) => {
    expect(pathsOf({ url, fallback_job: { url, trigger } })).toEqual([
      `fallback_job.trigger${place}`,
    ]);
  });

  it('is a continuation that would go to two places', () => {
    const webhooks = [{ ...hook, continuation: true }, hook, { ...hook, continuation: true }];
    expect(checkJob({ url, webhooks }).problems).toEqual([
      {
        path: 'webhooks[2].continuation',
        message: 'is true for webhooks[0] already',
        expected: 'true for one webhook at most',
      },
    ]);
  });

  it('is a key that cannot be sent as a header, when it is to be sent', () => {
    const job = { url, idempotent_key: 'ключ' };
    expect(pathsOf(job)).toEqual([]);
    expect(pathsOf({ ...job, send_idempotency_key: true })).toEqual(['idempotent_key']);
  });

  it.each(['\ud800', 'a\udc00', '\ud83d-\ude00'])('is a name with half a character: %j', (text) => {
    const job = { url, idempotent_key: text, user_id: text, tags: ['😀', text] };
    expect(pathsOf({ url, on_success: job })).toEqual([
      'on_success.idempotent_key',
      'on_success.user_id',
      'on_success.tags[1]',
    ]);
    expect(pathsOf({ url, idempotent_key: '😀', user_id: 'ключ', tags: ['😀'] })).toEqual([]);
  });

  it('is a body with half a character, which could not be sent as it is', () => {
    expect(pathsOf({ url, body: 'a\ud800' })).toEqual(['body']);
    expect(pathsOf({ url, body: 'a😀', on_failure: { url, body: '\udc00' } })).toEqual([
      'on_failure.body',
    ]);
  });

  it('is metadata that is too large or nested too deep, also 100,000 deep', () => {
    const large = { text: 'x'.repeat(LIMITS.metadataBytes) };
    expect(pathsOf({ url, metadata: large })).toEqual(['metadata']);
    const wide = { text: 'é'.repeat(LIMITS.metadataBytes / 2) };
    expect(pathsOf({ url, metadata: wide })).toEqual(['metadata']);
    const deep: unknown = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(pathsOf({ url, metadata: deep })).toEqual(['metadata']);
    expect(pathsOf({ url, metadata: { text: 'x'.repeat(60_000) } })).toEqual([]);
  });

  it('is a tree that is too deep', () => {
    const tree = Array.from({ length: LIMITS.treeDepth }).reduce<object>(
      (next) => ({ url, on_success: next }),
      { url },
    );
    expect(checkJob(tree).problems).toMatchObject([{ message: 'lies too deep' }]);
  });
});

describe('what is of no use in a job', () => {
  it('is named as a warning', () => {
    const job = {
      url,
      headers: { Host: 'example.com', 'content-length': '3', Accept: '*/*' },
      fallback_job: {
        url,
        webhooks: [hook],
        metadata: { a: 1 },
        idempotent_key: 'k',
        user_id: 'ada',
        webhook_quorum: 1,
      },
    };
    const { problems, warnings } = checkJob(job);
    expect(problems).toEqual([]);
    expect(warnings.map(({ path }) => path)).toEqual([
      'headers.Host',
      'headers["content-length"]',
      'fallback_job.metadata',
      'fallback_job.webhooks',
      'fallback_job.idempotent_key',
      'fallback_job.user_id',
    ]);
  });

  it('is not what clients write into a fallback for want of anything', () => {
    const fallback = { url, webhooks: [], metadata: {}, tags: [], priority: 0, webhook_quorum: 1 };
    expect(checkJob({ url, fallback_job: fallback }).warnings).toEqual([]);
  });
});

describe('any input', () => {
  it('is checked without an exception', () => {
    const known = ['url', 'headers', 'webhooks', 'fallback_job', 'trigger', 'metadata', 'tags'];
    const values = fc.letrec((tie) => ({
      job: fc.dictionary(
        fc.constantFrom(...known),
        fc.oneof({ maxDepth: 3 }, fc.jsonValue({ maxDepth: 2 }), tie('job')),
        { maxKeys: 4 },
      ),
    })).job;
    fc.assert(
      fc.property(values, (job) => {
        expect(Array.isArray(checkJob(job).problems)).toBe(true);
      }),
    );
  });
});

describe('problems of two checks', () => {
  const problem = (path: string, message: string) => ({ path, message, expected: 'else' });

  it('name each place once, in the words of the first', () => {
    const schema = [problem('url', 'is required'), problem('tags', 'is not a list')];
    const rules = [problem('url', 'is missing'), problem('method', 'is odd')];
    expect(mergeProblems(schema, rules)).toEqual([
      problem('url', 'is required'),
      problem('tags', 'is not a list'),
      problem('method', 'is odd'),
    ]);
  });

  it('are a hundred at most', () => {
    const many = Array.from({ length: 300 }, (_, index) => problem(`p${index}`, 'is wrong'));
    expect(mergeProblems(many, many)).toHaveLength(100);
  });
});
