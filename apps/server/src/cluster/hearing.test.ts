import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { Hearing } from './hearing.ts';

let clock: FakeClock;
let wire: 'whole' | 'deaf' | 'away';
let obstacle: string | null;
let told: { readonly event: unknown; readonly reason: unknown }[];
let words: number;
let listened: number;
let hearing: Hearing;

beforeEach(() => {
  clock = new FakeClock();
  wire = 'whole';
  obstacle = null;
  told = [];
  words = 0;
  listened = 0;
  const note = (details: object): void => {
    told.push({ event: undefined, reason: undefined, ...details });
  };
  hearing = new Hearing({
    clock,
    async say() {
      words += 1;
      if (wire === 'away') throw new Error('the database is away');
      if (wire === 'whole') clock.after(5, () => hearing.heard());
    },
    async listenAnew() {
      listened += 1;
    },
    obstacle: () => obstacle,
    logger: { info: note, warn: note },
  });
});

describe('a node that listens for what it says itself', () => {
  test('knows after a moment that it hears the others, and makes sure of it now and then', async () => {
    expect(hearing.isHeard).toBe(false);
    hearing.start();
    await clock.advance(10);
    expect(hearing.isHeard).toBe(true);
    await clock.advance(60_000);
    expect([hearing.isHeard, words, told]).toEqual([true, 7, []]);
  });

  test('says once that it hears nobody, with what stands in the way', async () => {
    wire = 'deaf';
    hearing.start();
    await clock.advance(60_000);
    expect(hearing.isHeard).toBe(false);
    expect(told).toEqual([
      {
        event: 'not_listening',
        reason: 'what this node tells the others does not come back to itself',
      },
    ]);
  });

  test('says why where it is known why', async () => {
    wire = 'deaf';
    obstacle = 'connect ECONNREFUSED';
    hearing.start();
    await clock.advance(10_000);
    expect(told).toMatchObject([{ event: 'not_listening', reason: 'connect ECONNREFUSED' }]);
  });

  test('notices that it hears nobody any more within some seconds, and when that is over', async () => {
    hearing.start();
    await clock.advance(10_010);
    wire = 'deaf';
    await clock.advance(17_000);
    expect([hearing.isHeard, told.length]).toEqual([false, 1]);
    wire = 'whole';
    await clock.advance(8_000);
    expect(hearing.isHeard).toBe(true);
    expect(told.map(({ event }) => event)).toEqual(['not_listening', 'listening']);
  });

  test('listens anew each time that nothing came back: the connection may be dead', async () => {
    hearing.start();
    await clock.advance(10_010);
    expect(listened).toBe(0);
    wire = 'deaf';
    await clock.advance(30_000);
    expect(listened).toBe(3);
  });

  test('keeps quiet about one word that was lost with a connection', async () => {
    hearing.start();
    await clock.advance(10);
    wire = 'deaf';
    await clock.advance(12_000);
    wire = 'whole';
    await clock.advance(10_000);
    expect([hearing.isHeard, told]).toEqual([true, []]);
  });

  test('takes a database that is away for no reason to complain: that is told elsewhere', async () => {
    wire = 'away';
    hearing.start();
    await clock.advance(60_000);
    expect([hearing.isHeard, told]).toEqual([false, []]);
  });

  test('says nothing more when it is over', async () => {
    hearing.start();
    await clock.advance(10);
    hearing.stop();
    await clock.advance(60_000);
    expect(words).toBe(1);
  });
});
