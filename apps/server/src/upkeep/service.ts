/** A part that runs beside the requests. Starting twice, stopping twice, stopping unstarted are fine. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}
