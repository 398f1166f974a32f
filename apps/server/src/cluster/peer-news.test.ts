import { FakeClock } from '@ezthrottle/testkit';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { decodePeerMessage, encodePeerNews, type PeerMessage } from './peer-message.ts';
import { PeerNewsWire } from './peer-news.ts';

const SELF = '019a0000-0000-7000-8000-000000000001';
const OTHER = '019a0000-0000-7000-8000-000000000002';
const MAX_BYTES = 8_000;

let clock: FakeClock;
let wire: string[][];

/** Two nodes on one wire; what the second one hears. */
function nodes(): { readonly first: PeerNewsWire; readonly heard: PeerMessage[] } {
  const heard: PeerMessage[] = [];
  const listeners: ((text: string) => void)[] = [];
  const transport = {
    async send(texts: readonly string[]): Promise<void> {
      wire.push([...texts]);
      for (const text of texts) for (const listener of listeners) listener(text);
    },
    onText(listener: (text: string) => void): void {
      listeners.push(listener);
    },
    listenAnew: () => Promise.resolve(),
    obstacle: () => null,
    close: () => Promise.resolve(),
  };
  const ignore = (): void => undefined;
  const first = new PeerNewsWire({ self: SELF, clock, transport, onMessage: ignore });
  const onMessage = (message: PeerMessage): void => void heard.push(message);
  new PeerNewsWire({ self: OTHER, clock, transport, onMessage });
  return { first, heard };
}

const line = (user: number) => ({
  organization: SELF,
  apiKey: SELF,
  userId: `user ${user}`,
  origin: `https://${user}.example.com`,
});

beforeEach(() => {
  clock = new FakeClock();
  wire = [];
});

describe('what nodes tell each other', () => {
  test('is gathered for a moment and sent once, and nobody hears himself', async () => {
    const { first, heard } = nodes();
    first.put([line(1)]);
    first.put([line(1), line(2)]);
    first.moved(OTHER);
    first.redriven();
    first.redriven();
    expect(wire).toHaveLength(0);
    await clock.advance(20);
    expect(wire).toHaveLength(1);
    expect(heard).toMatchObject([
      { from: SELF, put: [line(1), line(2)], moved: [OTHER], redrives: [true] },
    ]);
    await clock.advance(1_000);
    expect(wire).toHaveLength(1);
  });

  test('names slots instead of lines when there are very many', async () => {
    const { first, heard } = nodes();
    first.put(Array.from({ length: 5_000 }, (_, user) => line(user)));
    await clock.advance(20);
    const slots = new Set(heard.flatMap((message) => message.slots));
    expect(heard.flatMap((message) => message.put)).toHaveLength(64);
    expect(slots.size).toBeGreaterThan(900);
    expect(wire.flat()).toHaveLength(heard.length);
  });

  test('fits into notifications whatever it is, and comes out as it went in', () => {
    const notice = fc.record({
      jobId: fc.uuid(),
      at: fc.nat(),
      type: fc.constant('queued' as const),
    });
    const put = fc.record({
      organization: fc.uuid(),
      apiKey: fc.uuid(),
      userId: fc.string({ unit: 'binary', maxLength: 100 }),
      origin: fc.webUrl(),
    });
    const news = fc.record({
      put: fc.array(put, { maxLength: 40 }),
      slots: fc.array(fc.nat(1_023)),
      due: fc.array(fc.nat(1_023)),
      moved: fc.array(fc.uuid(), { maxLength: 100 }),
      notices: fc.array(notice, { maxLength: 60 }),
      revised: fc.constantFrom<readonly true[]>([], [true]),
      redrives: fc.constantFrom<readonly true[]>([], [true]),
      watched: fc.array(fc.uuid(), { maxLength: 100 }),
      limits: fc.array(fc.string()),
    });
    fc.assert(
      fc.property(news, (told) => {
        const texts = encodePeerNews(SELF, told);
        for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThan(MAX_BYTES);
        const messages = texts.map(decodePeerMessage).filter((message) => message !== null);
        expect(messages).toHaveLength(texts.length);
        const all = <Key extends keyof typeof told>(key: Key) =>
          messages.flatMap((message): readonly unknown[] => message[key]);
        const parts = ['put', 'slots', 'due', 'moved', 'notices', 'watched', 'limits'] as const;
        for (const key of parts) expect(all(key)).toEqual(told[key]);
      }),
      { numRuns: 25 },
    );
  });

  test('is left alone when it is not ours', () => {
    for (const text of ['', 'null', '{}', '{"from":1}', 'not json']) {
      expect(decodePeerMessage(text)).toBeNull();
    }
  });
});
