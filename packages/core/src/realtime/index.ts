/** Watching jobs as they run. */
export { streamJob, type JobEvents, type StreamJobOptions } from './stream-job.ts';
export type { JobEndEvent, JobEvent } from './job-event.ts';
