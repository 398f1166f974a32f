import { describe, expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from './logger.ts';

function logging(level: LoggerOptions['level'] = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ level, destination: { write: (line) => lines.push(line) } });
  return { lines, logger };
}

describe('the log', () => {
  test('is one JSON object per line, with level, time and message', () => {
    const { lines, logger } = logging();

    logger.info({ jobId: 'j1' }, 'job taken');

    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      jobId: 'j1',
      msg: 'job taken',
    });
  });

  test('leaves out what is below its level', () => {
    const { lines, logger } = logging('warn');

    logger.info({}, 'small');
    logger.warn({}, 'large');

    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['large']);
  });

  test.each([
    { headers: { Authorization: 'Basic hidden', cookie: 'hidden', 'x-api-key': 'hidden' } },
    { config: { apiKey: 'hidden', masterKey: 'hidden', signingSecret: 'hidden' } },
    { request: { deep: [{ headers: { 'proxy-authorization': 'hidden' } }] } },
    { password: 'hidden', token: 'hidden', primary_secret: 'hidden', secrets: ['hidden'] },
    { url: 'https://hidden:hidden@db.test/', note: 'Bearer hidden' },
    { note: 'the secret is whsec_hiddenhidden+/=' },
    { err: new Error('denied: Bearer hidden', { cause: new Error('whsec_hidden') }) },
    { err: Object.assign(new Error('failed'), { headers: { 'x-own': 'hidden' } }) },
  ])('never holds a secret: %o', (details) => {
    const { lines, logger } = logging();

    logger.error(details, 'with Bearer hidden');
    logger.error('only whsec_hidden');

    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain('hidden');
    expect(lines.join('')).toContain('[redacted]');
  });

  test('keeps what helps: codes, messages and stacks of errors, and whether a secret is there', () => {
    const { lines, logger } = logging();
    const error = Object.assign(new TypeError('no disk'), { code: 'EIO' });

    logger.error({ err: error, secret: null, hasToken: true, statusCode: 500 }, 'cannot go on');

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      err: {
        type: 'TypeError',
        code: 'EIO',
        message: 'no disk',
        stack: expect.stringContaining('logger.test.ts'),
      },
      secret: null,
      hasToken: true,
      statusCode: 500,
    });
  });

  test('stays bounded, whatever it is given', () => {
    const { lines, logger } = logging();
    const ring: Record<string, unknown> = { bytes: Buffer.alloc(10_000) };
    ring['self'] = ring;

    logger.info({ ring, many: Array.from({ length: 10_000 }, (_, index) => index) }, 'large');

    expect(lines[0]?.length).toBeLessThan(2_000);
  });
});
