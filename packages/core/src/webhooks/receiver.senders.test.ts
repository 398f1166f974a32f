import { generateKeyPairSync, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, vi } from 'vitest';
import type { DeliveryHandler } from './delivery-handler.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import { createReceiver } from './receiver.ts';
import { delivery, open, received, duplicate, secret, signed } from './receiver.testbench.ts';
import { ezthrottleSignature } from './schemes/ezthrottle-signature.ts';
import { l8Signature } from './schemes/l8-signature.ts';
import { standardWebhooksEd25519 } from './schemes/standard-webhooks-ed25519.ts';
import { standardWebhooks } from './schemes/standard-webhooks.ts';

const standardSecret = `whsec_${Buffer.from('a key of sixteen bytes or more').toString('base64')}`;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const rawKey = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

type Bench = ReturnType<typeof open>;
type Header = (name: string) => string | null;

function bytesOf(payload: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(payload));
}

function headerOf(headers: Readonly<Record<string, string>>): Header {
  return (name) => headers[name.toLowerCase()] ?? null;
}

/** As the library of the specification signs it. */
function standard({ clock }: Bench, payload: object, id = 'msg_1'): Header {
  const now = new Date(clock.now());
  return headerOf({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(clock.now() / 1000)),
    'webhook-signature': new Webhook(standardSecret).sign(id, now, JSON.stringify(payload)),
  });
}

function ed25519({ clock }: Bench, payload: object): Header {
  const seconds = String(Math.floor(clock.now() / 1000));
  const content = Buffer.from(`msg_1.${seconds}.${JSON.stringify(payload)}`);
  return headerOf({
    'webhook-id': 'msg_1',
    'webhook-timestamp': seconds,
    'webhook-signature': `v1a,${sign(null, content, privateKey).toString('base64')}`,
  });
}

async function l8({ clock }: Bench, payload: object, id: string): Promise<Header> {
  const seconds = String(Math.floor(clock.now() / 1000));
  const hash = await crypto.subtle.digest('SHA-256', Buffer.from(JSON.stringify(payload)));
  const content = Buffer.from(`${id}.${seconds}.${Buffer.from(hash).toString('base64')}`);
  return headerOf({
    'x-l8-delivery-id': id,
    'x-l8-timestamp': seconds,
    'x-l8-signature': sign(null, content, privateKey).toString('base64'),
  });
}

/** Options without the secrets that the bench has. */
function withoutSecrets(options: ReceiverOptions): Partial<ReceiverOptions> {
  return { secrets: () => Promise.reject(new Error('nobody may ask for secrets')), ...options };
}

describe('a receiver that is given secrets', () => {
  it('accepts both ways in which the server signs with them', async () => {
    const bench = open({ secrets: standardSecret });
    const payload = delivery('1');
    const header = standard(bench, payload);
    expect(await bench.send(payload, { header })).toMatchObject(received);
    const other = delivery('2');
    const own = signed(bytesOf(other), bench.clock, standardSecret);
    expect(await bench.send(other, { header: own })).toMatchObject(received);
  });

  it('knows a delivery again that comes signed in the other way', async () => {
    const bench = open({ secrets: standardSecret });
    const payload = delivery('1');
    await bench.send(payload, { header: standard(bench, payload, 'another id') });
    const own = signed(bytesOf(payload), bench.clock, standardSecret);
    expect(await bench.send(payload, { header: own })).toMatchObject(duplicate);
  });

  it('accepts only the way that it is told', async () => {
    const payload = delivery('1');
    const narrow = open({ secrets: standardSecret, schemes: [standardWebhooks()] });
    const own = signed(bytesOf(payload), narrow.clock, standardSecret);
    const refused = await narrow.send(payload, { header: own });
    expect(refused.status).toBe(401);
    expect(refused.body).toContain('no_signature_header');
    expect(await narrow.send(payload, { header: standard(narrow, payload) })).toMatchObject(
      received,
    );
    const other = open({ secrets: standardSecret, schemes: [ezthrottleSignature()] });
    expect((await other.send(payload, { header: standard(other, payload) })).status).toBe(401);
  });

  it('never lets a header choose a way that was not allowed', async () => {
    const bench = open();
    const payload = delivery('1');
    expect((await bench.send(payload, { header: ed25519(bench, payload) })).status).toBe(401);
    const l8Header = await l8(bench, payload, 'd');
    expect((await bench.send(payload, { header: l8Header })).status).toBe(401);
  });

  it('tells every reason when a delivery is signed in several ways, and none holds', async () => {
    const bench = open({ secrets: standardSecret });
    const payload = delivery('1');
    const own = signed(bytesOf({}), bench.clock, standardSecret);
    const theirs = standard(bench, {});
    const header: Header = (name) => own(name) ?? theirs(name);
    const { status, body } = await bench.send(payload, { header });
    expect(status).toBe(401);
    expect(body).toContain('ezthrottle: signature_mismatch; standard-webhooks: signature_mismatch');
  });

  it('asks for them only when something is signed', async () => {
    const ask = vi.fn<() => string>(() => standardSecret);
    const bench = open({ secrets: ask });
    expect((await bench.send(delivery('1'), { header: () => null })).status).toBe(401);
    expect(ask).not.toHaveBeenCalled();
  });

  it('asks for them once for each request', async () => {
    const ask = vi.fn<(context: unknown) => string>(() => standardSecret);
    const bench = open({ secrets: ask });
    const payload = delivery('1');
    const header = standard(bench, payload);
    expect(await bench.send(payload, { header, context: 'env' })).toMatchObject(received);
    expect(ask.mock.calls).toEqual([['env']]);
  });
});

describe('a receiver that is given public keys', () => {
  it('accepts what was signed with ed25519, without any secret', async () => {
    const schemes = [standardWebhooksEd25519({ publicKeys: `whpk_${rawKey}` })];
    const bench = open(withoutSecrets({ schemes }));
    const payload = delivery('1');
    const header = ed25519(bench, payload);
    expect(await bench.send(payload, { header })).toMatchObject(received);
    expect((await bench.send(delivery('2'), { header })).body).toContain('signature_mismatch');
    bench.clock.pass(301_000);
    expect((await bench.send(payload, { header })).body).toContain('timestamp_expired');
  });

  it('accepts a self-hosted server that speaks L8, whose retries have a new id each', async () => {
    const any = vi.fn<DeliveryHandler>();
    const schemes = [l8Signature({ publicKeys: rawKey })];
    const bench = open(withoutSecrets({ schemes, on: { any } }));
    const payload = { job_id: 'a', status: 'completed', response_status: 200, body: 'ok' };
    const first = await l8(bench, payload, 'first');
    expect(await bench.send(payload, { header: first })).toMatchObject(received);
    const second = await l8(bench, payload, 'second');
    expect(await bench.send(payload, { header: second })).toMatchObject(duplicate);
    expect(any).toHaveBeenCalledTimes(1);
  });
});

describe('a payload without a delivery id', () => {
  const payload = { job_id: 'a', status: 'completed' };

  it('is known by the signed id of Standard Webhooks where nothing else is accepted', async () => {
    const bench = open({ secrets: standardSecret, schemes: [standardWebhooks()] });
    const send = async (id: string): Promise<unknown> =>
      bench.send(payload, { header: standard(bench, payload, id) });
    expect(await send('one')).toMatchObject(received);
    expect(await send('one')).toMatchObject(duplicate);
    expect(await send('two')).toMatchObject(received);
  });

  it('is handled once, whichever of its signatures somebody leaves out who sends it again', async () => {
    const any = vi.fn<DeliveryHandler>();
    const bench = open({ secrets: standardSecret, on: { any } });
    const own = signed(bytesOf(payload), bench.clock, standardSecret);
    const theirs = standard(bench, payload, 'one');
    const both: Header = (name) => own(name) ?? theirs(name);
    const answers: unknown[] = [];
    for (const header of [both, theirs, own]) answers.push(await bench.send(payload, { header }));
    expect(answers).toMatchObject([received, duplicate, duplicate]);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('and without a signature, where that is taken, is the same one', async () => {
    const schemes = [standardWebhooks()];
    const bench = open({ secrets: standardSecret, schemes, allowUnsigned: true });
    const header = standard(bench, payload, 'one');
    expect(await bench.send(payload, { header })).toMatchObject(received);
    expect(await bench.send(payload, { header: () => null })).toMatchObject(duplicate);
  });

  it('is another one when the sender calls what happened by another name', async () => {
    const bench = open();
    for (const event of ['job.charged', 'job.shipped']) {
      expect(await bench.send({ ...payload, event })).toMatchObject(received);
      expect(await bench.send({ ...payload, event })).toMatchObject(duplicate);
    }
  });

  it('is known by its job, not by an id that the signature at hand does not cover', async () => {
    const bench = open({ secrets: standardSecret });
    const own = signed(bytesOf(payload), bench.clock, standardSecret);
    for (const [id, answer] of [
      ['one', received],
      ['two', duplicate],
    ] as const) {
      const header: Header = (name) => own(name) ?? (name === 'webhook-id' ? id : null);
      expect(await bench.send(payload, { header })).toMatchObject(answer);
    }
  });
});

describe('a receiver of what nobody signs', () => {
  it('exists only when that is said', async () => {
    expect(() => createReceiver({})).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ path: 'secrets' })] }),
    );
    const receiver = createReceiver({ allowUnsigned: true });
    const body = bytesOf(delivery('1'));
    const answer = await receiver.receive({ method: 'POST', body, header: () => null });
    expect(answer).toMatchObject(received);
  });

  it('still refuses what is signed, but wrongly, under secrets that it has', async () => {
    const bench = open({ allowUnsigned: true });
    const header = signed(bytesOf({}), bench.clock);
    expect((await bench.send(delivery('1'), { header })).status).toBe(401);
    expect(await bench.send(delivery('1'), { header: () => null })).toMatchObject(received);
  });

  it('is not made by a variable that is not set', () => {
    const options: Record<string, unknown> = { allowUnsigned: true, secrets: undefined };
    expect(() => Reflect.apply(createReceiver, null, [options])).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ path: 'secrets' })] }),
    );
  });
});

describe('the allowed schemes of a receiver', () => {
  it.each([
    ['none', { schemes: [] }, 'schemes'],
    ['no list', { schemes: 'ezthrottle' }, 'schemes'],
    ['no scheme', { schemes: [{}] }, 'schemes[0]'],
    ['secrets left out', { schemes: [ezthrottleSignature()] }, 'schemes[0]'],
    [
      'no secret of the form',
      { secrets: secret, schemes: [ezthrottleSignature(), standardWebhooks()] },
      'schemes[1]',
    ],
    ['a bad key', { schemes: [l8Signature({ publicKeys: 'x' })] }, 'schemes[0].publicKeys'],
    ['a word for yes', { secrets: secret, allowUnsigned: 'true' }, 'allowUnsigned'],
  ])('are refused when they cannot work: %s', (_what, options, path) => {
    expect(() => Reflect.apply(createReceiver, null, [options])).toThrow(
      expect.objectContaining({
        code: 'receiver_configuration',
        problems: [expect.objectContaining({ path })],
      }),
    );
  });
});
