import { createInterface } from 'node:readline';
import {
  type AttemptCall,
  type AttemptReport,
  type Clock,
  type Executor,
  EGRESS_ERRORS,
  type Id,
  type Outcome,
} from '@ezthrottle/engine';
import { Agent, request } from 'undici';
import { ReportBatch } from '../../execute/report-batch.ts';
import {
  ABORTS_PATH,
  ALIVE_EVERY_MS,
  type CallEvent,
  type CallsMessage,
  CALLS_PATH,
} from './call-messages.ts';
import type { NodeEnvelope } from './node-envelope.ts';

/** A node that makes calls for others. */
export interface CallingPeer {
  readonly node: Id;
  readonly url: string;
}

export interface RemoteCallsOptions {
  readonly self: Id;
  readonly clock: Clock;
  readonly envelope: NodeEnvelope;
  /** Nodes from which calls of this region leave, at this moment. */
  readonly peersIn: (region: string) => readonly CallingPeer[];
  readonly random: () => number;
}

interface Pending {
  readonly call: AttemptCall;
  readonly peer: CallingPeer;
  readonly startedAt: number;
}

/** Without a sign of life for so long a node counts as lost, in milliseconds. */
const SILENCE_MS = 3 * ALIVE_EVERY_MS;
const CONNECT_MS = 5_000;

/** Has other nodes make calls that leave from their regions. What a node was making when it is lost counts as failed. */
export function createRemoteCalls(options: RemoteCallsOptions): Executor {
  return new RemoteCalls(options);
}

class RemoteCalls implements Executor {
  readonly #options: RemoteCallsOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #reports = new ReportBatch();
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: CONNECT_MS,
    bodyTimeout: SILENCE_MS,
    connections: null,
  });
  readonly #open = new Set<Promise<void>>();
  #isClosed = false;
  #tellSent: (token: string) => void = () => undefined;

  constructor(options: RemoteCallsOptions) {
    this.#options = options;
  }

  run(calls: readonly AttemptCall[]): void {
    const { clock, peersIn, random } = this.#options;
    const byPeer = new Map<string, { readonly peer: CallingPeer; readonly calls: AttemptCall[] }>();
    const startedAt = clock.now();
    for (const call of calls) {
      if (this.#isClosed) {
        this.#report(call, startedAt, { kind: 'aborted' });
        continue;
      }
      const peers = peersIn(call.region);
      const peer = peers[Math.floor(random() * peers.length)];
      if (peer === undefined) {
        this.#fail(call, startedAt, 'no node of this region is there');
        continue;
      }
      this.#pending.set(call.token, { call, peer, startedAt });
      const group = byPeer.get(peer.node) ?? { peer, calls: [] };
      byPeer.set(peer.node, group);
      group.calls.push(call);
    }
    for (const group of byPeer.values()) {
      const talk = this.#talk(group.peer, group.calls).finally(() => this.#open.delete(talk));
      this.#open.add(talk);
    }
  }

  abort(tokens: readonly string[]): void {
    const byPeer = new Map<CallingPeer, string[]>();
    for (const token of tokens) {
      const pending = this.#pending.get(token);
      if (pending === undefined) continue;
      byPeer.set(pending.peer, [...(byPeer.get(pending.peer) ?? []), token]);
    }
    for (const [peer, own] of byPeer) {
      // Who cannot be told goes on with them: their outcome comes all the same, or the silence.
      this.#post(peer, ABORTS_PATH, 'abort', { tokens: own })
        .then(({ body }) => body.dump())
        .catch(() => undefined);
    }
  }

  onSent(listener: (token: string) => void): void {
    this.#tellSent = listener;
  }

  onReports(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#reports.listen(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#agent.destroy();
    await Promise.allSettled(this.#open);
    this.#reports.flush();
  }

  /** Hands calls over and listens until all of them are reported. */
  async #talk(peer: CallingPeer, calls: readonly AttemptCall[]): Promise<void> {
    const tokens = calls.map(({ token }) => token);
    try {
      const message: CallsMessage = { from: this.#options.self, calls };
      const { statusCode, body } = await this.#post(peer, CALLS_PATH, 'calls', message);
      if (statusCode !== 200) {
        await body.dump();
        throw new Error(`it answered ${statusCode}`);
      }
      for await (const line of createInterface({ input: body })) {
        if (line !== '') this.#heed(this.#options.envelope.open('event', JSON.parse(line)));
      }
      this.#lose(tokens, 'the node ended before the call did');
    } catch (error) {
      this.#lose(tokens, error instanceof Error ? error.message : String(error));
    }
  }

  #post(peer: CallingPeer, path: string, kind: 'calls' | 'abort', message: object) {
    return request(`${peer.url}${path}`, {
      method: 'POST',
      dispatcher: this.#agent,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(this.#options.envelope.seal(kind, peer.node, message)),
    });
  }

  #heed(event: unknown): void {
    if (!isCallEvent(event)) return;
    if (event.type === 'sent' && this.#pending.has(event.token)) this.#tellSent(event.token);
    if (event.type !== 'reports') return;
    for (const report of event.reports) {
      if (this.#pending.delete(report.token)) this.#reports.add(report);
    }
  }

  #lose(tokens: readonly string[], why: string): void {
    for (const token of tokens) {
      const pending = this.#pending.get(token);
      if (pending === undefined) continue;
      this.#pending.delete(token);
      this.#fail(pending.call, pending.startedAt, why);
    }
  }

  #fail(call: AttemptCall, startedAt: number, why: string): void {
    const message = `the node of region ${call.region} has not made the call: ${why}`;
    const lost: Outcome = { kind: 'network_error', code: EGRESS_ERRORS.failed, message };
    this.#report(call, startedAt, this.#isClosed ? { kind: 'aborted' } : lost);
  }

  #report({ token }: AttemptCall, startedAt: number, outcome: Outcome): void {
    const endedAt = this.#options.clock.now();
    this.#reports.add({ token, outcome, response: null, startedAt, endedAt });
  }
}

/** Only another node can have sealed it: its shape is ours. */
function isCallEvent(value: unknown): value is CallEvent {
  return typeof value === 'object' && value !== null && 'type' in value;
}
