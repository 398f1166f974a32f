import {
  type ExpectedCall,
  type ExpectedDelivery,
  findCalls,
  findDeliveries,
  type Finding,
} from './expectations.ts';

type Calls = Parameters<typeof findCalls>[0];
type Deliveries = Parameters<typeof findDeliveries>[0];

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** For `expect.extend(matchers)`, in vitest and in jest. */
export const matchers: {
  readonly toHaveCalled: (received: Calls, expected?: ExpectedCall) => MatcherResult;
  readonly toHaveDelivered: (received: Deliveries, expected?: ExpectedDelivery) => MatcherResult;
} = {
  toHaveCalled: (received, expected = {}) => result(findCalls(received, expected)),
  toHaveDelivered: (received, expected = {}) => result(findDeliveries(received, expected)),
};

/** Types of the matchers: `declare module 'vitest' { interface Matchers<T> extends TestingMatchers<T> {} }`. */
export interface TestingMatchers<Result> {
  /** An upstream, a webhook or a server was called so. */
  toHaveCalled(expected?: ExpectedCall): Result;
  /** A webhook has received such a result. */
  toHaveDelivered(expected?: ExpectedDelivery): Result;
}

/** The same for every other runner: throws unless it was called so. */
export function assertCalled(calls: Calls, expected: ExpectedCall = {}): void {
  demand(findCalls(calls, expected));
}

/** Throws unless it has received such a result. */
export function assertDelivered(webhook: Deliveries, expected: ExpectedDelivery = {}): void {
  demand(findDeliveries(webhook, expected));
}

function demand({ pass, message }: Finding): void {
  if (!pass) throw new Error(message);
}

function result({ pass, message }: Finding): MatcherResult {
  return { pass, message: () => (pass ? message.replace('expected', 'did not expect') : message) };
}
