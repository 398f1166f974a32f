import type { AttemptCall, AttemptReport, Clock, Executor } from '@ezthrottle/engine';
import { Agent } from 'undici';
import type { AddressPolicy } from '../net/address-policy.ts';
import { createConnector, type ResolveHost } from '../net/connector.ts';
import { OutboundCall } from './outbound-call.ts';
import { ReportBatch } from './report-batch.ts';

export interface UndiciExecutorOptions {
  readonly clock: Clock;
  readonly policy: AddressPolicy;
  /** Milliseconds to open a connection. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** Sent when a call names none. Default `EZThrottle`. */
  readonly userAgent?: string;
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost;
}

/**
 * Makes calls from this process over HTTP/1.1, one connection pool per origin. Redirects are answers
 * like any other, and proxies named in the environment are not used.
 */
export function createUndiciExecutor(options: UndiciExecutorOptions): Executor {
  return new UndiciExecutor(options);
}

class UndiciExecutor implements Executor {
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #running = new Map<string, OutboundCall>();
  readonly #batch = new ReportBatch();
  #closing: Promise<void> | null = null;
  #tellSent: (token: string) => void = () => undefined;

  constructor(options: UndiciExecutorOptions) {
    this.#clock = options.clock;
    this.#userAgent = options.userAgent ?? 'EZThrottle';
    this.#agent = new Agent({ connect: createConnector(options), allowH2: false });
  }

  run(calls: readonly AttemptCall[]): void {
    for (const call of calls) {
      const outbound = new OutboundCall(call, {
        clock: this.#clock,
        userAgent: this.#userAgent,
        sent: () => this.#tellSent(call.token),
        report: (report) => this.#report(outbound, report),
      });
      if (this.#closing !== null) {
        outbound.abort();
        continue;
      }
      this.#running.set(call.token, outbound);
      outbound.start(this.#agent);
    }
  }

  abort(tokens: readonly string[]): void {
    for (const token of tokens) this.#running.get(token)?.abort();
  }

  onSent(listener: (token: string) => void): void {
    this.#tellSent = listener;
  }

  onReports(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#batch.listen(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const call of this.#running.values()) call.abort();
    await this.#agent.destroy();
    this.#batch.flush();
  }

  #report(call: OutboundCall, report: AttemptReport): void {
    if (this.#running.get(report.token) === call) this.#running.delete(report.token);
    this.#batch.add(report);
  }
}
