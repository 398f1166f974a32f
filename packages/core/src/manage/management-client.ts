import {
  connect,
  CONNECTION_CHECKS,
  type Connection,
  type ConnectionOptions,
} from '../connection.ts';
import { clientClosed } from '../errors.ts';
import { wantText } from '../option-checks.ts';
import { ApiKeys } from './api-keys.ts';
import { AuditLog } from './audit-log.ts';
import { DeadLetters } from './dead-letters.ts';
import { ManagedJobs } from './managed-jobs.ts';
import { ManagingCalls } from './managing-calls.ts';
import { Privacy } from './privacy.ts';
import { Redrives } from './redrives.ts';
import { Secrets } from './secrets.ts';

export interface ManagementOptions extends ConnectionOptions {
  /** Who acts, for the audit log: a name, an address. Default: only the API key is noted. */
  readonly actor?: string | undefined;
}

const CHECKS = { ...CONNECTION_CHECKS, actor: wantText };

/**
 * A client for operators, apart from the one that applications carry. Its API key needs the scope `read`
 * to look, and `manage` to act.
 *
 * @example
 * const manage = new ManagementClient({ apiKey: 'your_api_key', actor: 'ada@example.com' });
 * for await (const job of manage.deadLetters.jobs()) console.log(job.job_id, job.reason);
 */
export class ManagementClient implements AsyncDisposable {
  readonly jobs: ManagedJobs;
  readonly deadLetters: DeadLetters;
  readonly redrives: Redrives;
  readonly auditLog: AuditLog;
  readonly apiKeys: ApiKeys;
  readonly secrets: Secrets;
  readonly privacy: Privacy;
  readonly #connection: Connection;

  /** Throws `ConfigurationError` without an API key, or naming every option that is wrong. */
  constructor(options: ManagementOptions = {}) {
    this.#connection = connect(options, CHECKS);
    const { transport, runtime } = this.#connection;
    this.jobs = new ManagedJobs(transport);
    const calls = new ManagingCalls(transport, runtime, options.actor ?? null);
    this.deadLetters = new DeadLetters(calls);
    this.redrives = new Redrives(calls);
    this.auditLog = new AuditLog(calls);
    this.apiKeys = new ApiKeys(calls);
    this.secrets = new Secrets(calls);
    this.privacy = new Privacy(calls);
  }

  /** Ends what is under way, and every later call, with an error whose code is `closed`. */
  async close(): Promise<void> {
    this.#connection.running.close(clientClosed());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
