/** What a system is started for. */
export interface Setting {
  /** Origin of the API that jobs call. */
  readonly target: string;
  /** Signs results. */
  readonly secret: string;
  /** Jobs that run at once; 0: jobs are only accepted, and wait. */
  readonly concurrency: number;
}

/** A system that is measured, running on empty storage. */
export interface RunningSystem extends AsyncDisposable {
  /** Where jobs are submitted. */
  readonly submitUrl: string;
  /** Where several are submitted at once, as `{ jobs: [...] }`. */
  readonly batchUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** All processes that do its work, storage included; empty when somebody else runs one of them. */
  readonly processIds: readonly number[];
  /** Where the system has several addresses: the others that take single jobs. */
  readonly otherUrls?: readonly string[];
  /** Milliseconds of processor time so far, where that is not the sum over `processIds`. */
  processorMs?(): number | null;
  /** Its files, when it keeps them by itself. */
  readonly folder?: string;
  /** Its version and how it stores, for the report. */
  readonly description: string;
}

export interface System {
  readonly name: string;
  start(setting: Setting): Promise<RunningSystem>;
}
