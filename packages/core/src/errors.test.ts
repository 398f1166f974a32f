import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as core from './index.ts';
import * as webhooks from './webhooks/index.ts';

const sources = ['./errors.ts', './step/step-result.ts', './webhooks/errors.ts'].map((path) =>
  readFileSync(new URL(path, import.meta.url), 'utf8'),
);

describe('an error', () => {
  it('bears the name of its class as text, so that a minifier does not take it away', () => {
    const classes = sources.flatMap((source) => [...source.matchAll(/export class (\w+)/g)]);
    const named = sources.flatMap((source) => [
      ...source.matchAll(/export class (\w+) .*\n {2}override readonly name: string = '\1';/g),
    ]);
    expect(classes.length).toBeGreaterThan(20);
    expect(named.map(([, name]) => name)).toEqual(classes.map(([, name]) => name));
  });

  it('is shown by that name', () => {
    expect(new core.TimeoutError('late').name).toBe('TimeoutError');
    expect(new core.StepValidationError([]).name).toBe('StepValidationError');
    expect(new webhooks.WebhookVerificationError('no').name).toBe('WebhookVerificationError');
    expect(String(new core.EZThrottleError('x'))).toBe('EZThrottleError: x');
  });
});
