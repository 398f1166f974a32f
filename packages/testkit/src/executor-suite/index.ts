/** The conformance suite of the engine's Executor port; for vitest. */
export { type ExecutorHarness, executorSuite } from './executor-suite.ts';
