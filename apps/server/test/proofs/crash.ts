import { freePort } from '../../../../scripts/services/service-process.ts';
import { type Examined, examine } from './crash-examination.ts';
import { CrashLoad } from './crash-load.ts';
import { type Outside, startOutside } from './crash-outside.ts';
import { pause } from './pause.ts';
import {
  type ServerPlace,
  serverPlace,
  type ServerProcess,
  spawnServer,
} from './server-process.ts';

export interface CrashOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  readonly kills: number;
  /** A life ends up to so many milliseconds after the server was ready. */
  readonly longestLifeMs: number;
  /** Clients that each submit their next job when the one before was accepted. Default 12. */
  readonly clients?: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export interface CrashReport extends Examined {
  readonly kills: number;
  /** Of them before the server was ready again. */
  readonly killsAtStart: number;
}

/** Share of the kills that hit a server which is still starting. */
const SHARE_AT_START = 0.15;
const START_MS = 800;

/** Kills a server again and again under load, and compares its record with what was seen outside. */
export async function proveCrashes(options: CrashOptions): Promise<CrashReport> {
  const outside = await startOutside(options.random);
  try {
    return await proveWith(outside, options);
  } finally {
    await outside.close();
  }
}

async function proveWith(outside: Outside, options: CrashOptions): Promise<CrashReport> {
  const { kills, random, clients = 12 } = options;
  // The same for every life, so that clients find the server again.
  const port = await freePort();
  const rule = { requestsPerSecond: 1_000, burst: 100, concurrency: 40 };
  const place = serverPlace({
    ...options,
    settings: {
      port,
      rates: { [outside.places.target]: rule },
      deliveryDelaysMs: [0, 50, 200],
      logLevel: 'silent',
    },
  });
  const load = new CrashLoad(place, outside, random);
  const running = Array.from({ length: clients }, () => load.run());
  try {
    const { server, killsAtStart } = await killAgainAndAgain(place, load, outside, options);
    try {
      load.finish();
      await Promise.all(running);
      return { ...(await examine(server, place, load, outside)), kills, killsAtStart };
    } finally {
      await server.stop();
    }
  } finally {
    load.abandon();
  }
}

/** @returns the life after the last kill. */
async function killAgainAndAgain(
  place: ServerPlace,
  load: CrashLoad,
  outside: Outside,
  { kills, longestLifeMs, random }: CrashOptions,
): Promise<{ readonly server: ServerProcess; readonly killsAtStart: number }> {
  let killsAtStart = 0;
  let server = await spawnServer(place).ready();
  load.serve(server.url);
  for (let kill = 0; kill < kills; kill += 1) {
    await pause(random() * longestLifeMs);
    load.pause();
    await server.kill();
    await afterlife(outside);
    if (random() < SHARE_AT_START && kill + 1 < kills) {
      const starting = spawnServer(place);
      await pause(random() * START_MS);
      await starting.kill();
      await afterlife(outside);
      kill += 1;
      killsAtStart += 1;
    }
    server = await spawnServer(place).ready();
    load.serve(server.url);
  }
  return { server, killsAtStart };
}

/** What the dead server had sent is still on its way for a moment, and belongs to its own life. */
async function afterlife(outside: Outside): Promise<void> {
  await pause(20);
  outside.nextLife();
}
