/** The conformance suite of the framework adapters; for vitest. */
export { describeAdapter } from './adapter-suite.ts';
export type {
  AdapterCase,
  AdapterSubject,
  AdapterSubjectOptions,
  RunningAdapter,
  SubjectParser,
} from './adapter-subject.ts';
/** To send signed deliveries in tests of an adapter's own. */
export {
  deliver,
  deliveryText,
  SECRET,
  send,
  signedHeaders,
  type Answer,
  type Sent,
  type SigningOptions,
} from './sending.ts';
export type { Question, SubjectSettings } from './receiver-under-test.ts';
