import type { KeyParts } from '@ezthrottle/engine';
import { beforeEach, describe, expect, test } from 'vitest';
import type { HomeOfKey } from '../../dispatch/divided-destinations.ts';
import type { LimitUsage } from '../shares/shared-limits.ts';
import type { DividedKey } from './divided-keys.ts';
import { KeyDivider } from './key-divider.ts';

const KEY = 'destination organization https://a.test';

/** What the other nodes have to do there. */
let others: readonly LimitUsage[];
let home: HomeOfKey | null;
let row: DividedKey | null;
let holdsSlot: boolean;
let isAlone: boolean;
let told: number;
let divider: KeyDivider;

beforeEach(() => {
  [others, row, holdsSlot, isAlone, told] = [[], null, true, false, 0];
  home = homeWith(4_000, 40);
  divider = dividerOf(2_000);
});

function dividerOf(callsPerSecond: number): KeyDivider {
  return new KeyDivider({
    rows: {
      divide: (next) => {
        if ((row?.version ?? 0) !== next.version) return Promise.resolve(false);
        row = { ...next, version: next.version + 1, pauseMs: 0 };
        return Promise.resolve(true);
      },
      forget: () => {
        row = null;
        return Promise.resolve();
      },
    },
    known: {
      values: () => (row === null ? [] : [row]),
      find: () => row,
      refresh: () => Promise.resolve(),
    },
    atHome: () => (home === null ? [] : [home]),
    othersOf: () => others,
    holds: () => holdsSlot,
    isAlone: () => isAlone,
    callsPerSecond,
    tell: () => {
      told += 1;
    },
    logger: { info: () => undefined },
  });
}

function homeWith(callsPerSecond: number, accounts: number): HomeOfKey {
  return {
    key: KEY,
    slot: 7,
    bears: { ratePerSecond: 5_000, concurrency: 100 },
    taught: { ratePerSecond: 4_000, concurrency: 80 },
    usage: () => ({ demand: callsPerSecond * 2, accounts }),
  };
}

async function rounds(count: number): Promise<KeyParts> {
  for (let round = 0; round < count; round += 1) await divider.round();
  return row?.parts ?? 1;
}

describe('a destination at its home', () => {
  test('is divided when it has been too hot for one node for some seconds, and once more if that is not enough', async () => {
    expect(await rounds(2)).toBe(1);
    expect(await rounds(1)).toBe(2);
    expect(row).toMatchObject({ key: KEY, slot: 7, ratePerSecond: 4_000, concurrency: 80 });
    expect(told).toBe(1);
    expect(await rounds(3)).toBe(4);
    expect(await rounds(20)).toBe(4);
  });

  test('is not divided for a moment’s heat, nor for what its pace does not let go', async () => {
    await rounds(2);
    home = homeWith(100, 40);
    await rounds(1);
    home = homeWith(4_000, 40);
    expect(await rounds(2)).toBe(1);
    home = { ...homeWith(50_000, 40), bears: { ratePerSecond: 1_500, concurrency: 100 } };
    expect(await rounds(20)).toBe(1);
  });

  test('is not divided for one account, however much it calls', async () => {
    home = homeWith(50_000, 1);
    expect(await rounds(20)).toBe(1);
  });

  test('counts what all nodes call, and is joined when that is over', async () => {
    await rounds(6);
    home = null;
    others = [{ demand: 8_000, accounts: 20, waiting: 0, inFlight: 0, ratePerSecond: 0 }];
    expect(await rounds(20)).toBe(4);
    others = [];
    expect(await rounds(4)).toBe(4);
    expect(await rounds(1)).toBe(2);
    expect(await rounds(5)).toBe(1);
  });

  test('is forgotten when it has been whole for a minute, and nobody else calls it', async () => {
    await rounds(6);
    home = homeWith(10, 1);
    others = [{ demand: 1, accounts: 1, waiting: 0, inFlight: 1, ratePerSecond: 1 }];
    expect(await rounds(100)).toBe(1);
    expect(row).not.toBeNull();
    others = [];
    await rounds(1);
    expect(row).toBeNull();
  });

  test('is left alone by whoever is not its home', async () => {
    await rounds(6);
    [home, holdsSlot] = [null, false];
    expect(await rounds(100)).toBe(4);
  });

  test('is not divided by a node that is alone, and joined when the others are gone', async () => {
    await rounds(6);
    isAlone = true;
    expect(await rounds(10)).toBe(1);
    expect(await rounds(20)).toBe(1);
  });

  test('is never divided where that is forbidden, and joined where it was', async () => {
    await rounds(6);
    divider = dividerOf(0);
    expect(await rounds(10)).toBe(1);
    expect(await rounds(20)).toBe(1);
  });
});
