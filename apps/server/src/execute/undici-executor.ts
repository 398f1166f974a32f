import type { AttemptCall, AttemptReport, Clock, Executor } from '@ezthrottle/engine';
import { Agent, type buildConnector } from 'undici';
import type { AddressPolicy } from '../net/address-policy.ts';
import type { ResolveHost } from '../net/checked-host.ts';
import { createConnector } from '../net/connector.ts';
import type { Egress, Egresses } from '../net/egress.ts';
import { createProxyConnector, type ProxyConnector } from '../net/proxy-connector.ts';
import { OutboundCall, type OutboundCallOptions } from './outbound-call.ts';
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

/** How the calls of a region leave. */
interface WayOut {
  readonly agent: Agent;
  readonly calls: OutboundCallOptions;
}

class UndiciExecutor implements Executor {
  readonly #direct: WayOut;
  /** Of regions that do not leave directly. */
  readonly #waysOut: ReadonlyMap<string, WayOut>;
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
    this.#direct = this.#open(createConnector(options));
    this.#waysOut = new Map(
      [...(options.egresses ?? [])].flatMap(([region, egress]) => {
        const wayOut = this.#wayOutOf(egress, options);
        return wayOut === null ? [] : [[region, wayOut]];
      }),
    );
  }

  run(calls: readonly AttemptCall[]): void {
    for (const call of calls) {
      const { agent, calls: options } = this.#wayOutFor(call);
      const outbound = new OutboundCall(call, options);
      if (this.#closing !== null) {
        outbound.abort();
        continue;
      }
      this.#running.set(call.token, outbound);
      outbound.start(agent);
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

  #wayOutFor({ region }: AttemptCall): WayOut {
    if (this.#waysOut.size === 0) return this.#direct;
    return this.#waysOut.get(region) ?? this.#direct;
  }

  /** Null: directly. */
  #wayOutOf(egress: Egress, options: UndiciExecutorOptions): WayOut | null {
    switch (egress.kind) {
      case 'direct':
        return null;
      case 'local_address': {
        const connect = createConnector({ ...options, localAddress: egress.address });
        return this.#open(connect);
      }
      case 'proxy': {
        const proxy = createProxyConnector({ ...options, proxy: egress });
        this.#closers.push(() => proxy.close());
        return this.#open(proxy.connect, proxy.isAsked);
      }
    }
  }

  #open(connect: buildConnector.connector, isAsked?: ProxyConnector['isAsked']): WayOut {
    const agent = new Agent({ connect, allowH2: false });
    this.#closers.push(() => agent.destroy());
    const calls: OutboundCallOptions = {
      clock: this.#clock,
      userAgent: this.#userAgent,
      sent: (token) => this.#tellSent(token),
      isWayOutAsked: isAsked,
      report: (call, report) => this.#report(call, report),
    };
    return { agent, calls };
  }

  #report(call: OutboundCall, report: AttemptReport): void {
    if (this.#running.get(report.token) === call) this.#running.delete(report.token);
    this.#batch.add(report);
  }
}
