import { describe, expectTypeOf, it } from 'vitest';
import type EZThrottleByDefault from '@ezthrottle/core';
import {
  type EZThrottle,
  IdempotentStrategy,
  type Step,
  StepType,
  type ForwardRequest,
  type LocalResult,
  type StepResult,
  type SubmitAnswer,
  type SubmitJobOptions,
  type SubmittedResult,
} from '@ezthrottle/core';

describe('the public types', () => {
  it('tell a local result from a submitted one', () => {
    expectTypeOf<Extract<StepResult, { kind: 'local' }>>().toEqualTypeOf<LocalResult>();
    expectTypeOf<
      Extract<StepResult, { executed_locally: false }>
    >().toEqualTypeOf<SubmittedResult>();
    expectTypeOf<StepResult['job_id']>().toEqualTypeOf<string | null>();
    expectTypeOf<StepResult['idempotent_key']>().toEqualTypeOf<string | null>();
  });

  it('take both spellings, and a trigger of a nested fallback (row 33)', () => {
    expectTypeOf({
      url: '',
      fallbackJob: { url: '', trigger: { type: 'on_error', codes: [500] } },
    } as const).toExtend<SubmitJobOptions>();
    expectTypeOf({
      url: '',
      fallback_job: { url: '', trigger: { type: 'on_timeout', timeoutMs: 5 } },
    } as const).toExtend<SubmitJobOptions>();
    expectTypeOf({
      url: '',
      fallbackOnError: [429],
      stepType: StepType.FRUGAL,
    }).toExtend<ForwardRequest>();
    expectTypeOf({ url: '', webhookQuorum: '1' }).not.toExtend<SubmitJobOptions>();
  });

  it('give every builder method a step, and execute a result', () => {
    expectTypeOf<ReturnType<Step['onSuccess']>>().toEqualTypeOf<Step>();
    expectTypeOf<ReturnType<Step['fallback']>>().toEqualTypeOf<Step>();
    expectTypeOf<ReturnType<Step['execute']>>().resolves.toEqualTypeOf<StepResult>();
    expectTypeOf<ReturnType<EZThrottle['submitJob']>>().resolves.toEqualTypeOf<SubmitAnswer>();
    expectTypeOf<typeof EZThrottleByDefault>().toEqualTypeOf<typeof EZThrottle>();
  });

  it('know the two types and the two strategies by their words', () => {
    expectTypeOf<StepType>().toEqualTypeOf<'frugal' | 'performance'>();
    expectTypeOf(IdempotentStrategy.UNIQUE).toEqualTypeOf<'unique'>();
  });
});
