import type { JobState } from '@ezthrottle/core/protocol';
import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../job/event.ts';
import { arm } from './arm.ts';
import { JobScript, START, status } from './job-script.test-support.ts';

type EventName =
  | 'sent'
  | 'sent of another attempt'
  | 'success'
  | 'failure'
  | 'success with another token'
  | 'success of an older attempt'
  | 'success of a leg that is not'
  | 'wake before its time'
  | 'wake at the deadline'
  | 'cancel';

/** Ways to bring a job into a state, each with its one leg 0. */
const SITUATIONS: Readonly<Record<string, () => JobScript>> = {
  pending: () => new JobScript({}),
  scheduled: () => new JobScript({ retry_at: START + 1_000 }),
  'processing, armed': () => armed(),
  'processing, sent': () => sent(),
  'processing, waiting to retry': () => settled(503),
  completed: () => settled(200),
  failed: () => settled(404),
  cancelled: () => {
    const job = sent();
    job.decide({ type: 'cancel' });
    return job;
  },
};

const ENDED: Readonly<Partial<Record<EventName, JobState>>> = {};
const WAITING: Readonly<Partial<Record<EventName, JobState>>> = {
  'wake at the deadline': 'failed',
  cancel: 'cancelled',
};
const RUNNING: Readonly<Partial<Record<EventName, JobState>>> = {
  ...WAITING,
  success: 'completed',
  failure: 'failed',
};

/** The state after each event; what is not listed changes nothing at all. */
const TRANSITIONS: Readonly<Record<string, Readonly<Partial<Record<EventName, JobState>>>>> = {
  pending: WAITING,
  scheduled: WAITING,
  'processing, armed': { ...RUNNING, sent: 'processing' },
  'processing, sent': RUNNING,
  'processing, waiting to retry': WAITING,
  completed: ENDED,
  failed: ENDED,
  cancelled: ENDED,
};

const TOKEN = 'token-0-1';
const EVENTS: Readonly<Record<EventName, JobEvent>> = {
  sent: { type: 'sent', leg: 0, attempt: 1 },
  'sent of another attempt': { type: 'sent', leg: 0, attempt: 2 },
  success: outcomeOf(0, 1, TOKEN, 200),
  failure: outcomeOf(0, 1, TOKEN, 404),
  'success with another token': outcomeOf(0, 1, 'forged', 200),
  'success of an older attempt': outcomeOf(0, 0, TOKEN, 200),
  'success of a leg that is not': outcomeOf(7, 1, TOKEN, 200),
  'wake before its time': { type: 'wake' },
  'wake at the deadline': { type: 'wake' },
  cancel: { type: 'cancel' },
};

const cases = Object.entries(SITUATIONS).flatMap(([situation, reach]) =>
  Object.entries(EVENTS).map(([name, event]) => ({ situation, reach, name, event })),
);

describe('every state meets every event', () => {
  it.each(cases)('$situation, $name', ({ situation, reach, name, event }) => {
    const job = reach();
    const before = job.run;
    if (name === 'wake at the deadline') job.at = 86_400_000 + 1_000;
    const effects = job.decide(event);
    const expected = Object.entries(TRANSITIONS[situation] ?? {}).find(
      ([key]) => key === name,
    )?.[1];
    if (expected === undefined) {
      expect(job.run).toBe(before);
      expect(effects).toEqual([]);
    } else {
      expect(job.run.state).toBe(expected);
      expect(job.run).not.toBe(before);
    }
  });

  it.each(Object.entries(SITUATIONS))('%s can be armed only where a leg waits', (name, reach) => {
    const { run } = reach();
    const waits = ['pending', 'scheduled', 'processing, waiting to retry'].includes(name);
    expect(arm(run, 0, 'next')?.attempt ?? null).toBe(waits ? run.attempts + 1 : null);
    expect(arm(run, 99, 'next')).toBeNull();
  });
});

function outcomeOf(leg: number, attempt: number, token: string, code: number): JobEvent {
  return { type: 'outcome', leg, attempt, token, outcome: status(code) };
}

function armed(): JobScript {
  const job = new JobScript({});
  const next = arm(job.run, 0, TOKEN);
  if (next !== null) job.run = next.run;
  return job;
}

function sent(): JobScript {
  const job = new JobScript({});
  job.send(0);
  return job;
}

function settled(code: number): JobScript {
  const job = new JobScript({});
  job.answer(0, status(code));
  return job;
}
