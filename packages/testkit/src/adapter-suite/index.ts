/** The conformance suite of the framework adapters; for vitest. */
export { describeAdapter } from './adapter-suite.ts';
export type {
  AdapterCase,
  AdapterSubject,
  AdapterSubjectOptions,
  RunningAdapter,
  SubjectParser,
} from './adapter-subject.ts';
export type { Question, SubjectSettings } from './receiver-under-test.ts';
