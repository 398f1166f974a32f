import { describe, expect, it } from 'vitest';
import { DedupeObject } from './dedupe-object.ts';

interface FakeStorage {
  readonly entries: Map<string, unknown>;
  alarmAt: number | null;
}

/** Without a runtime that would call the alarm. */
function objectWith(entry: unknown): { object: DedupeObject; kept: FakeStorage } {
  const kept: FakeStorage = { entries: new Map([['entry', entry]]), alarmAt: null };
  const storage = {
    get: async (key: string) => kept.entries.get(key),
    put: async (key: string, value: unknown) => void kept.entries.set(key, value),
    deleteAll: async () => kept.entries.clear(),
    setAlarm: async (at: number) => {
      kept.alarmAt = at;
    },
    deleteAlarm: async () => {
      kept.alarmAt = null;
    },
  };
  return { object: new DedupeObject({ storage }), kept };
}

function ask(object: DedupeObject, body: string): Promise<Response> {
  return object.fetch(new Request('https://dedupe.invalid/', { method: 'POST', body }));
}

const FUTURE = Date.now() + 60_000;

describe('the object of one delivery', () => {
  it.each([
    ['a lease that ended', { token: 'old', endsAt: 1 }, 'acquired'],
    ['a memory that ended', { token: null, endsAt: 1 }, 'acquired'],
    ['a lease that runs', { token: 'old', endsAt: FUTURE }, 'in_flight'],
    ['a memory that lasts', { token: null, endsAt: FUTURE }, 'done'],
    ['nothing', undefined, 'acquired'],
    ['what it cannot read', 'something else', 'acquired'],
  ])('does not wait for its alarm to judge %s', async (_, entry, claim) => {
    const { object } = objectWith(entry);
    const answer = await ask(object, '{"verb":"begin","token":"new","ms":1000}');
    expect(await answer.json()).toBe(claim);
  });

  it('asks for the alarm again when it comes before the end', async () => {
    const { object, kept } = objectWith({ token: null, endsAt: FUTURE });
    await object.alarm();
    expect(kept.alarmAt).toBe(FUTURE);
    expect(kept.entries.size).toBe(1);
  });

  it('has nothing left to wake up for after a release', async () => {
    const { object, kept } = objectWith(undefined);
    await ask(object, '{"verb":"begin","token":"a","ms":1000}');
    expect(kept.alarmAt).not.toBeNull();
    await ask(object, '{"verb":"release","token":"a","ms":0}');
    expect([kept.alarmAt, kept.entries.size]).toEqual([null, 0]);
  });

  it.each(['', '{', 'null', '{"verb":"steal","token":"t","ms":1}', '{"verb":"begin","ms":1}'])(
    'refuses the question %j',
    async (body) => {
      const { object, kept } = objectWith({ token: null, endsAt: FUTURE });
      expect((await ask(object, body)).status).toBe(400);
      expect(kept.entries.size).toBe(1);
    },
  );
});
