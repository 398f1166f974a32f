/** The conformance suite of the engine's Store port, and builders of its data; for vitest. */
export * from './builders.ts';
export { type OpenStore, type StoreUnderTest } from './harness.ts';
export { storeSuite } from './store-suite.ts';
