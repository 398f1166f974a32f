import type { AttemptCall, AttemptReport, Clock, Executor } from '@ezthrottle/engine';
import { Agent } from 'undici';
import type { AddressPolicy } from '../net/address-policy.ts';
import type { ResolveHost } from '../net/checked-host.ts';
import { createConnector } from '../net/connector.ts';
import type { Egress, Egresses } from '../net/egress.ts';
import { createProxyConnector } from '../net/proxy-connector.ts';
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
  /** Ways out by region. Calls of other regions, and of all where there are none, leave directly. */
  readonly egresses?: Egresses;
}

/**
 * Makes calls from this process over HTTP/1.1, one connection pool per origin and way out. Redirects are answers
 * like any other, and proxies named in the environment are not used.
 */
export function createUndiciExecutor(options: UndiciExecutorOptions): Executor {
  return new UndiciExecutor(options);
}

class UndiciExecutor implements Executor {
  readonly #agent: Agent;
  /** Of regions that do not leave directly. */
  readonly #agents: ReadonlyMap<string, Agent>;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #running = new Map<string, OutboundCall>();
  readonly #batch = new ReportBatch();
  #closing: Promise<void> | null = null;
  #tellSent: (token: string) => void = () => undefined;

  constructor(options: UndiciExecutorOptions) {
    this.#clock = options.clock;
    this.#userAgent = options.userAgent ?? 'EZThrottle';
    this.#agent = this.#open({ connect: createConnector(options) });
    this.#agents = new Map(
      [...(options.egresses ?? [])].flatMap(([region, egress]) => {
        const agent = this.#agentOf(egress, options);
        return agent === null ? [] : [[region, agent]];
      }),
    );
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
      outbound.start(this.#agentFor(call));
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
    await Promise.all(this.#closers.map((close) => close()));
    this.#batch.flush();
  }

  #agentFor({ region }: AttemptCall): Agent {
    if (this.#agents.size === 0) return this.#agent;
    return this.#agents.get(region) ?? this.#agent;
  }

  /** Null: directly. */
  #agentOf(egress: Egress, options: UndiciExecutorOptions): Agent | null {
    switch (egress.kind) {
      case 'direct':
        return null;
      case 'local_address':
        return this.#open({
          connect: createConnector({ ...options, localAddress: egress.address }),
        });
      case 'proxy': {
        const proxy = createProxyConnector({ ...options, proxy: egress });
        this.#closers.push(() => proxy.close());
        return this.#open({ connect: proxy.connect });
      }
    }
  }

  #open(options: Pick<Agent.Options, 'connect'>): Agent {
    const agent = new Agent({ ...options, allowH2: false });
    this.#closers.push(() => agent.destroy());
    return agent;
  }

  #report(call: OutboundCall, report: AttemptReport): void {
    if (this.#running.get(report.token) === call) this.#running.delete(report.token);
    this.#batch.add(report);
  }
}
