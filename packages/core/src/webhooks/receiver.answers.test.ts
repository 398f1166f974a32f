import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BodyAlreadyParsedError, BodyUnreadableError } from './errors.ts';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';
import type { ReceiverAnswer } from './receiver-answer.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import type { ReceiverRequest } from './receiver-request.ts';
import { delivery, makeGate, open, settle, signed } from './receiver.testbench.ts';

type Bench = ReturnType<typeof open>;

/** One row of the table: what is the matter, and the answer. */
interface Row {
  readonly promise: string;
  readonly options?: Partial<ReceiverOptions>;
  readonly change?: (bench: Bench) => Partial<ReceiverRequest>;
  /** Instead of sending one delivery. */
  readonly send?: (bench: Bench) => Promise<ReceiverAnswer>;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the body says, beside a message and problems. */
  readonly body: Readonly<Record<string, string>>;
  /** In the message. */
  readonly says?: string;
  /** Not in the message. */
  readonly hides?: string;
  /** The paths of what is wrong. */
  readonly problems?: readonly string[];
  /** How many errors this side is told of. */
  readonly errors?: number;
}

const retryAfter = { 'retry-after': '5' };
const failing = (error: Error) => (): Promise<never> => Promise.reject(error);

function text(body: string): (bench: Bench) => Partial<ReceiverRequest> {
  const bytes = new TextEncoder().encode(body);
  return ({ clock }) => ({ body: bytes, header: signed(bytes, clock) });
}

class BrokenStore extends MemoryDedupeStore {
  override begin = failing(new Error('redis://user:pass@host is away'));
}

class ForgetfulStore extends MemoryDedupeStore {
  override commit = async (): Promise<boolean> => false;
}

/** By the words of `spec/webhooks.md`; an empty step is its last row. */
const rows: Readonly<Record<string, Row>> = {
  open: {
    promise: 'a receiver that is closed has deliveries come again',
    send: async ({ receiver, send }) => {
      await receiver.close();
      return send(delivery('1'));
    },
    status: 503,
    headers: retryAfter,
    body: { error: 'unavailable' },
  },
  'method is POST': {
    promise: 'a visit by a browser is told that webhooks come by POST',
    change: () => ({ method: 'GET' }),
    status: 405,
    headers: { allow: 'POST' },
    body: { error: 'method_not_allowed' },
  },
  'body within the limit (8 MiB)': {
    promise: 'a body that is too large is refused before anything is done with it',
    change: () => ({ body: new Uint8Array(8_388_609), header: () => null }),
    status: 413,
    body: { error: 'payload_too_large' },
  },
  'body whole': {
    promise: 'a body that breaks off is no delivery',
    change: () => ({ body: failing(new BodyUnreadableError(new Error('reset'))) }),
    status: 400,
    body: { error: 'validation_failed' },
  },
  'body unparsed, secrets and keys at hand': {
    promise: 'a parser that was first is a mistake here, not a forgery',
    change: () => ({ body: failing(new BodyAlreadyParsedError('express.json()', 'Move it.')) }),
    status: 500,
    body: { error: 'internal_error' },
    errors: 1,
  },
  'one scheme proves the sender': {
    promise: 'a forgery is refused with the reason',
    change: () => ({ header: () => null }),
    status: 401,
    body: { error: 'unauthorized' },
    says: 'no_signature_header',
  },
  'body is JSON': {
    promise: 'a signed text that is not JSON is malformed',
    change: text('{"job_id":'),
    status: 400,
    body: { error: 'invalid_json' },
  },
  'body is a delivery': {
    promise: 'signed JSON that is no delivery is told everything that is wrong with it',
    change: text('{"tags":[5],"status":"done"}'),
    status: 400,
    body: { error: 'validation_failed' },
    problems: ['job_id', 'status', 'tags[0]'],
  },
  'claim: the store answers': {
    promise: 'a store that is away has deliveries come again, and its address is not told',
    options: { dedupe: new BrokenStore() },
    status: 503,
    headers: retryAfter,
    body: { error: 'unavailable' },
    hides: 'redis',
    errors: 1,
  },
  'claim: not done before': {
    promise: 'a delivery that was handled before is acknowledged and not handled again',
    send: async ({ send }) => {
      await send(delivery('1'));
      return send(delivery('1'));
    },
    status: 200,
    body: { status: 'duplicate' },
  },
  'claim: not being handled elsewhere': {
    promise: 'a delivery that is being handled is never acknowledged before that is done',
    send: async ({ receiver, send }) => {
      const gate = makeGate();
      receiver.onAny(() => gate.passed);
      const first = send(delivery('1'));
      await settle();
      const second = await send(delivery('1'));
      gate.open();
      await first;
      return second;
    },
    status: 409,
    headers: retryAfter,
    body: { error: 'conflict' },
  },
  'continuation and handlers, side by side, within 25 s': {
    promise: 'handlers that take too long have the delivery come again',
    send: async ({ receiver, send, clock }) => {
      receiver.onAny(() => new Promise(() => undefined));
      const answer = send(delivery('1'));
      await settle();
      clock.pass(25_000);
      return answer;
    },
    status: 503,
    headers: retryAfter,
    body: { error: 'unavailable' },
    errors: 1,
  },
  'none of them failed, and the commit came through': {
    promise: 'a handler that fails has the delivery come again, and the sender is not told why',
    options: { on: { any: failing(new Error('a secret of the database')) } },
    status: 500,
    body: { error: 'internal_error' },
    hides: 'database',
    errors: 1,
  },
  '': {
    promise: 'a delivery that was handled is acknowledged',
    status: 200,
    body: { status: 'received' },
  },
};

function stepsOfTheSpecification(): string[] {
  const page = new URL('../../../../spec/webhooks.md', import.meta.url);
  const [, section = ''] = readFileSync(page, 'utf8').split('## What a receiver does');
  const [table = ''] = /\| step \|[^]*?\n\n/.exec(section) ?? [];
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) => line.split('|')[1]?.trim() ?? '');
}

describe('what a receiver answers', () => {
  it('is tried for every row of the specification', () => {
    expect(Object.keys(rows).sort()).toEqual(stepsOfTheSpecification().sort());
  });

  for (const row of Object.values(rows)) {
    it(`${row.status}: ${row.promise}`, async () => {
      const bench = open(row.options);
      const sendOne = (): Promise<ReceiverAnswer> =>
        bench.send(delivery('1'), row.change?.(bench) ?? {});
      const answer = await (row.send?.(bench) ?? sendOne());
      const { message, problems = [], ...body } = JSON.parse(answer.body);
      expect(body).toEqual(row.body);
      if (row.status !== 200) expect(message).toContain(row.says ?? ' ');
      if (row.hides !== undefined) expect(message).not.toContain(row.hides);
      const paths = problems.map(({ path }: { path: string }) => path);
      expect(paths.sort()).toEqual(row.problems ?? []);
      expect(answer).toEqual({
        status: row.status,
        headers: { 'content-type': 'application/json; charset=utf-8', ...row.headers },
        body: answer.body,
      });
      expect(bench.errors).toHaveLength(row.errors ?? 0);
    });
  }

  it('500: a commit that does not come through has the delivery come again', async () => {
    const { send, errors } = open({ dedupe: new ForgetfulStore() });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'lease_lost' }]);
  });
});
