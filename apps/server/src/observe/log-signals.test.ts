import { describe, expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import { logSignals } from './log-signals.ts';

function logging() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, logger: createLogger({ level: 'debug', destination }) };
}

describe('what is logged of what happens', () => {
  test('is at all times that a destination is down, and that it is back', () => {
    const { lines, logger } = logging();
    const { circuitChanged } = logSignals(logger, false);
    circuitChanged?.('org', 'https://one.test', 'open');
    circuitChanged?.('org', 'https://one.test', 'probing');
    circuitChanged?.('org', 'https://one.test', 'ramping');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', event: 'destination_down', destination: 'https://one.test' },
      { level: 'info', event: 'destination_back', destination: 'https://one.test' },
    ]);
  });

  test('is nothing of single jobs unless that is asked for: then nobody has to be told of them', () => {
    const { logger } = logging();
    const { circuitChanged, ...others } = logSignals(logger, false);
    expect([circuitChanged, others]).toEqual([expect.any(Function), {}]);
  });

  test('is each step of a job where that is asked for, without what a target said', () => {
    const { lines, logger } = logging();
    const { answered } = logSignals(logger, true);
    const outcome = { kind: 'timeout', message: 'hidden' } as const;
    const report = { token: 'hidden', outcome, response: null, startedAt: 5, endedAt: 12 };
    const place = { organization: 'org', origin: 'https://one.test', region: 'local' };
    answered?.({ jobId: 'job', attempt: 2, ...place, report });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'debug',
      event: 'attempt_ended',
      jobId: 'job',
      attempt: 2,
      outcome: 'timeout',
      ms: 7,
    });
    expect(lines.join('')).not.toContain('hidden');
  });
});
