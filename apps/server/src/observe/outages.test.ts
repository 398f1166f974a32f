import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailableError } from '../store/store-unavailable-error.ts';
import { createLogger } from './logger.ts';
import { Outages } from './outages.ts';

let clock: FakeClock;
let outages: Outages;
let lines: Record<string, unknown>[];
let logger: ReturnType<typeof createLogger>;

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  outages = new Outages({ clock, logger: () => logger });
  logger = createLogger({
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
    isToldOtherwise: (details) => outages.takes(details),
  });
});

const refused = (): StoreUnavailableError =>
  new StoreUnavailableError(new Error('connect ECONNREFUSED 127.0.0.1:5432'));

/** As a node does once a second. */
async function answering(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await clock.advance(1_000);
    outages.answered();
  }
}

describe('the log while the database is away', () => {
  test('has one line when it goes and one when it is back, with what was not said', async () => {
    for (let second = 0; second < 20; second += 1) {
      logger.warn({ event: 'cluster_round_failed', err: refused() }, 'a round failed');
      if (second % 4 === 0) logger.error({ event: 'staging_failed', err: refused() }, 'no');
      await clock.advance(1_000);
    }
    await answering(10);
    expect(lines).toMatchObject([
      {
        level: 'error',
        event: 'store_away',
        reason: 'connect ECONNREFUSED 127.0.0.1:5432',
        msg: expect.stringContaining('does not answer'),
      },
      {
        level: 'info',
        event: 'store_back',
        seconds: 21,
        untold: { cluster_round_failed: 20, staging_failed: 5 },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('outages.test.ts');
  });

  test('takes what fails late for a part of the same outage', async () => {
    logger.warn({ event: 'cluster_round_failed', err: refused() }, 'a round failed');
    await answering(2);
    logger.error({ event: 'work_unreadable', err: refused() }, 'a read that was begun before');
    await answering(2);
    expect(lines).toHaveLength(1);
    await answering(3);
    expect(lines.map(({ event }) => event)).toEqual(['store_away', 'store_back']);
  });

  test('says everything else as ever', () => {
    logger.warn({ event: 'cluster_round_failed', err: refused() }, 'a round failed');
    logger.error({ event: 'request_failed', err: new Error('something else') }, 'failed');
    logger.info('a line without details');
    expect(lines.map(({ msg }) => msg)).toEqual([
      expect.stringContaining('does not answer'),
      'failed',
      'a line without details',
    ]);
  });

  test('begins anew with the next outage', async () => {
    for (let round = 0; round < 2; round += 1) {
      logger.warn({ event: 'cluster_round_failed', err: refused() }, 'a round failed');
      await answering(5);
    }
    expect(lines.map(({ event }) => event)).toEqual([
      'store_away',
      'store_back',
      'store_away',
      'store_back',
    ]);
  });
});
