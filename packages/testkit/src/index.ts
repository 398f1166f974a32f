/** Fakes for the tests of this workspace. Conformance suites have entries of their own. */
export { FakeClock } from './fake-clock.ts';
export * from './upstream/index.ts';
export { LOCALHOST_CERTIFICATE } from './localhost-certificate.ts';
export * from './proxy.ts';
