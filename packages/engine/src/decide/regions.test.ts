import { describe, expect, it } from 'vitest';
import { JobScript, REFUSED, status, TIMEOUT } from './job-script.test-support.ts';

const regions = ['iad', 'lax', 'ord'];

function regionsOf(job: JobScript): readonly string[] {
  return job.run.legs.filter(({ state }) => state !== 'ended').map(({ region }) => region);
}

describe('a race', () => {
  it('runs in every region at once, and the first success stops the others', () => {
    const job = new JobScript({ regions });
    expect(regionsOf(job)).toEqual(regions);
    job.send(0);
    job.send(1);
    const effects = job.settle(1, status(200));
    expect(effects).toContainEqual({ type: 'withdraw', leg: 0, attempt: 1 });
    expect(effects).toContainEqual({ type: 'withdraw', leg: 2, attempt: null });
    expect(job.run.end).toMatchObject({ state: 'completed', path: 0, attempt: 2 });
  });

  it('fails only when every region has failed', () => {
    const job = new JobScript({ regions });
    job.answer(0, status(404));
    job.answer(1, status(404));
    expect(job.run.end).toBeNull();
    job.answer(2, status(410));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'status_410', attempt: 3 });
  });

  it('does not reroute a leg to where a sibling runs', () => {
    const job = new JobScript({ regions: ['iad', 'lax'] }, { liveRegions: ['iad', 'lax', 'fra'] });
    job.answer(0, status(500));
    expect(job.leg(0)).toMatchObject({ state: 'waiting', region: 'fra' });
  });

  it('is over at once when the call may not be sent', () => {
    const job = new JobScript({ regions });
    job.answer(0, REFUSED);
    expect(job.run.end?.error).toMatch(/^refused/);
    expect(job.liveLegs).toEqual([]);
  });

  it('leaves dead regions out, and uses another live one where the policy allows', () => {
    const liveRegions = ['lax', 'fra'];
    expect(regionsOf(new JobScript({ regions }, { liveRegions }))).toEqual(['fra', 'lax']);
    const strict = new JobScript({ regions, region_policy: 'strict' }, { liveRegions });
    expect(regionsOf(strict)).toEqual(['lax']);
  });
});

describe('a fan-out', () => {
  const request = { regions, execution_mode: 'fanout' } as const;

  it('runs everywhere to the end and succeeds when any region did', () => {
    const job = new JobScript(request);
    job.answer(1, status(200));
    expect(job.run.end).toBeNull();
    job.answer(2, status(201));
    job.answer(0, status(404));
    expect(job.run.end).toMatchObject({
      state: 'completed',
      path: 0,
      attempt: 1,
      attempts: [3, 1, 2],
    });
  });

  it('reports the answers there were when all failed', () => {
    const job = new JobScript({ ...request, retry_policy: { max_reroutes: 0 } });
    job.answer(0, status(404));
    job.answer(1, TIMEOUT);
    job.answer(2, status(410));
    expect(job.run.end).toMatchObject({ state: 'failed', attempt: 3, attempts: [1, 3] });
  });

  it('that has a success is complete at the deadline, without the regions that never answered', () => {
    const job = new JobScript({ ...request, on_failure_timeout_ms: 1_000 });
    job.answer(2, status(200));
    job.at = 1_000;
    job.wake();
    expect(job.run.end).toMatchObject({ state: 'completed', attempt: 1, attempts: [1] });
    expect(job.liveLegs).toEqual([]);
  });

  it('goes on where one region may not send', () => {
    const job = new JobScript(request);
    job.answer(0, REFUSED);
    expect(job.liveLegs).toEqual([1, 2]);
  });
});

describe('failover', () => {
  it('uses one region at a time, in the order of the list', () => {
    const job = new JobScript({ regions, execution_mode: 'failover' });
    expect(regionsOf(job)).toEqual(['iad']);
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['lax']);
    job.answer(0, TIMEOUT);
    expect(regionsOf(job)).toEqual(['ord']);
    job.answer(0, status(500));
    expect(job.run.end?.error).toBe('status_500');
  });

  it('comes back to the region that it left longest ago when all were tried', () => {
    const retry = { max_reroutes: 4 };
    const job = new JobScript({
      regions: ['iad', 'lax'],
      execution_mode: 'failover',
      retry_policy: retry,
    });
    const seen = [0, 1, 2, 3].map(() => {
      job.answer(0, status(500));
      return job.leg(0).region;
    });
    expect(seen).toEqual(['lax', 'iad', 'lax', 'iad']);
  });

  it('goes to a fresh region at once, back to a tried one only after a wait', () => {
    const job = new JobScript({ regions: ['iad', 'lax'], execution_mode: 'failover' });
    job.answer(0, status(500));
    expect(job.readyAt(0)).toBe(0);
    job.answer(0, status(500));
    expect(job.readyAt(0)).toBe(500);
  });
});

describe('a region policy', () => {
  it('strict keeps a leg in its region', () => {
    const job = new JobScript(
      { regions: ['iad'], region_policy: 'strict' },
      { liveRegions: ['iad', 'lax'] },
    );
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['iad']);
  });

  it('strict moves a failover through its own list only', () => {
    const job = new JobScript(
      { regions: ['iad', 'ord'], region_policy: 'strict', execution_mode: 'failover' },
      { liveRegions: ['iad', 'lax', 'ord'] },
    );
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['ord']);
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['iad']);
  });

  it('fallback goes to any live region when its own are used up', () => {
    const job = new JobScript({ regions: ['iad'] }, { liveRegions: ['iad', 'lax'] });
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['lax']);
  });

  it('fails a job when no region that it may use is alive any more', () => {
    const job = new JobScript(
      { regions: ['iad'], region_policy: 'strict' },
      { liveRegions: ['iad'] },
    );
    job.liveRegions = ['lax'];
    job.answer(0, status(500));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'region_unavailable', attempt: 1 });
  });

  it('fails a job at its first wake when no region that it may use is alive', () => {
    const job = new JobScript(
      {
        regions: ['iad'],
        region_policy: 'strict',
        on_failure: { url: 'https://a.example' },
      },
      { liveRegions: ['lax'] },
    );
    expect(job.run.end).toBeNull();
    expect(job.wakeAt).toBe(0);
    job.wake();
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'region_unavailable' });
    expect(job.spawned()).toEqual(['on_failure']);
  });

  it('lets a fallback run where the job itself finds no region', () => {
    const job = new JobScript(
      {
        regions: ['iad'],
        region_policy: 'strict',
        fallback_job: { url: 'https://b.example' },
      },
      { liveRegions: ['lax'] },
    );
    job.wake();
    expect(regionsOf(job)).toEqual(['lax']);
    job.answer(1, status(200));
    expect(job.run.end).toMatchObject({ state: 'completed', path: 1 });
  });
});

describe('a region from which its destination is not reached', () => {
  const liveRegions = ['iad', 'fra', 'lax'];
  const reachable = (_origin: string, among: readonly string[]): readonly string[] => {
    const reached = among.filter((region) => region !== 'iad');
    return reached.length === 0 ? among : reached;
  };
  const script = (request: ConstructorParameters<typeof JobScript>[0]): JobScript =>
    new JobScript(request, { liveRegions, reachable });

  it('is passed over by a failover, a job without regions, and a race', () => {
    const failover = { regions: ['iad', 'lax'], execution_mode: 'failover' } as const;
    expect(regionsOf(script(failover))).toEqual(['lax']);
    expect(regionsOf(script({ ...failover, region_policy: 'strict' }))).toEqual(['lax']);
    expect(regionsOf(script({}))).toEqual(['fra']);
    expect(regionsOf(script({ regions: ['iad', 'lax'] }))).toEqual(['fra', 'lax']);
  });

  it('is passed over by a reroute', () => {
    const job = script({ regions: ['fra', 'iad', 'lax'], execution_mode: 'failover' });
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['lax']);
  });

  it('is called from all the same by who may use no other', () => {
    const strict = { region_policy: 'strict' } as const;
    expect(regionsOf(script({ ...strict, regions: ['iad', 'lax'] }))).toEqual(['iad', 'lax']);
    expect(regionsOf(script({ ...strict, regions: ['iad'], execution_mode: 'failover' }))).toEqual([
      'iad',
    ]);
  });

  it('is asked about for the destination of each path', () => {
    const asked: string[] = [];
    const job = new JobScript(
      { url: 'https://a.example/x', fallback_job: { url: 'https://b.example/y' } },
      {
        liveRegions,
        reachable: (origin, among) => {
          asked.push(origin);
          return among;
        },
      },
    );
    job.answer(0, status(404));
    expect(asked).toEqual(['https://a.example', 'https://b.example']);
  });
});

describe('a job without regions', () => {
  it('runs in the first live region, or in local where every region is served', () => {
    expect(regionsOf(new JobScript({}, { liveRegions: ['fra', 'iad'] }))).toEqual(['fra']);
    expect(regionsOf(new JobScript({}))).toEqual(['local']);
  });

  it('is rerouted to another live region', () => {
    const job = new JobScript({}, { liveRegions: ['fra', 'iad'] });
    job.answer(0, status(500));
    expect(regionsOf(job)).toEqual(['iad']);
  });
});
