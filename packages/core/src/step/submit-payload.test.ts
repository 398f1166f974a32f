import { describe, expect, test } from 'vitest';
import { isConfigurationError, StepValidationError, ValidationError } from '../errors.ts';
import { Step } from './step.ts';
import { IdempotentStrategy, StepType } from './step-node.ts';
import { submitPayload } from './submit-payload.ts';

const url = 'https://api.example.com/orders';
const step = new Step().url(url).method('POST').type(StepType.PERFORMANCE);
const webhookSecret = 'whsec_a_secret_for_tests';

describe('the payload of a submit', () => {
  test('is a job as it is sent, whichever way it is spelled', async () => {
    expect(await submitPayload({ url, userId: 'u1', idempotentKey: 'k' })).toEqual({
      url,
      method: 'GET',
      user_id: 'u1',
      idempotent_key: 'k',
    });
  });

  test('is what a step tree compiles to', async () => {
    const after = new Step().url(`${url}/after`).type(StepType.PERFORMANCE);
    expect(await submitPayload(step.onSuccess(after))).toEqual({
      url,
      method: 'POST',
      on_success: { url: `${url}/after`, method: 'GET' },
    });
  });

  test('has a key of its own where a step is done once, another each time', async () => {
    const unique = step.idempotentStrategy(IdempotentStrategy.UNIQUE);
    const keys = [await submitPayload(unique), await submitPayload(unique)];
    expect(new Set(keys.map(({ idempotent_key: key }) => key)).size).toBe(2);
  });

  test('has the same key each time where a step asks for HASH', async () => {
    const hashed = step.idempotentStrategy(IdempotentStrategy.HASH);
    const keys = [await submitPayload(hashed), await submitPayload(hashed)];
    expect(keys[0]?.idempotent_key).toMatch(/^[\da-f]{64}$/);
    expect(keys[1]?.idempotent_key).toBe(keys[0]?.idempotent_key);
  });

  test('carries FRUGAL steps that follow, sealed to a key of its own', async () => {
    const local = new Step().url(`${url}/local`).type(StepType.FRUGAL);
    const tree = step.onSuccess(local).webhooks([{ url: 'https://app.example.com/webhook' }]);
    const payload = await submitPayload(tree, { webhookSecret });
    expect(JSON.stringify(payload.metadata)).toContain('v1.');
    expect(payload.idempotent_key).toMatch(/^[\da-f-]{36}$/);
  });

  test('is refused with everything that is wrong', async () => {
    const unsendable = { url, metadata: { count: Number.NaN } };
    await expect(submitPayload(unsendable)).rejects.toBeInstanceOf(ValidationError);
    await expect(submitPayload(new Step().type(StepType.PERFORMANCE))).rejects.toBeInstanceOf(
      StepValidationError,
    );
    const nothing: unknown = Reflect.apply(submitPayload, undefined, [7]);
    await expect(nothing).rejects.toMatchObject({ problems: [{ path: 'job' }] });
  });

  test('is refused of a step that is to run here', async () => {
    await expect(submitPayload(new Step().url(url).type(StepType.FRUGAL))).rejects.toMatchObject({
      problems: [{ path: 'type', expected: 'PERFORMANCE' }],
    });
  });

  test('is refused of FRUGAL steps that follow when there is nothing to seal them with', async () => {
    const tree = step
      .onSuccess(new Step().url(url).type(StepType.FRUGAL))
      .webhooks([{ url: 'https://app.example.com/webhook' }]);
    const refused = await submitPayload(tree).catch((error: unknown) => error);
    expect(refused instanceof StepValidationError || isConfigurationError(refused)).toBe(true);
  });
});
