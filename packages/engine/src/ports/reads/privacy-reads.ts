import type { Id } from '../operation.ts';

/** A place in the order of a walk through jobs. Opaque. */
export interface JobPlace {
  readonly at: number;
  readonly row: number;
}

/** Ended jobs of one organization within a stretch of all that ended, in order. */
export interface EndedStretch {
  readonly jobIds: readonly Id[];
  /** The last that was looked at, whosever it is: behind it the next stretch begins. Null: there was none. */
  readonly last: JobPlace | null;
  /** Whether the limit has ended the stretch. */
  readonly isMore: boolean;
}

/** Jobs of one account within a stretch of all jobs, in order of arrival. */
export interface AccountStretch {
  readonly jobs: readonly {
    readonly id: Id;
    readonly isLive: boolean;
    readonly createdAt: number;
  }[];
  /** Behind what the next stretch begins; null: this was the last. */
  readonly next: JobPlace | null;
}

export interface DocumentRecord {
  readonly organization: Id;
  readonly kind: string;
  readonly name: string;
  readonly data: string;
}

/** Reads for what keeps less than everything. Each looks at a bounded number of rows. */
export interface PrivacyReads {
  /** All documents of everybody: for a start. */
  documents(): Promise<readonly DocumentRecord[]>;
  /** @param limit Ended jobs of all organizations that are looked at. */
  ended(query: {
    readonly organization: Id;
    readonly after: JobPlace | null;
    readonly endedBefore: number;
    readonly limit: number;
  }): Promise<EndedStretch>;
  /** @param limit Jobs of all organizations that are looked at. */
  ofAccount(query: {
    readonly organization: Id;
    readonly userId: string;
    readonly after: JobPlace | null;
    readonly limit: number;
  }): Promise<AccountStretch>;
}
