/** The rules of EZThrottle as pure functions over plain data, and the ports they speak through. */
export type * from './job/job-spec.ts';
export * from './job/outcome.ts';
export type * from './job/run.ts';
export type * from './job/event.ts';
export type * from './job/effect.ts';
export type * from './ports/clock.ts';
export type * from './ports/executor.ts';
export type * from './ports/operation.ts';
export type * from './ports/records.ts';
export type * from './ports/store.ts';
export type * from './ports/reads/job-reads.ts';
export type * from './ports/reads/work-reads.ts';
export type * from './ports/reads/delivery-reads.ts';
export type * from './ports/reads/tenancy-reads.ts';
