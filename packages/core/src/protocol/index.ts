/** Shapes, names and bounds of the wire: the one door for servers, adapters and dashboards. */
export * from './job.ts';
export * from './delivery.ts';
export * from './headers.ts';
export * from './limits.ts';
export * from './wire-error.ts';
export * from './checks.ts';
export * from './plan.ts';
