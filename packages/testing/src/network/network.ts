import type { AttemptCall, AttemptReport, Outcome, StoredResponse } from '@ezthrottle/engine';
import type { VirtualClock } from '../time/virtual-clock.ts';
import type { Activity } from './activity.ts';
import { addressPattern } from './address-pattern.ts';
import { type PlainCall, type ReceivedCall, receivedCall } from './received-call.ts';
import type { Reaction, Script } from './script.ts';
import { type ScriptedTarget, scriptedTarget } from './scripted-target.ts';
import { storedBody } from './stored-text.ts';

/** Everything that can be called in this test: scripted targets, and nothing else. */
export class Network {
  readonly #clock: VirtualClock;
  readonly #activity: Activity;
  readonly #calls: ReceivedCall[] = [];
  #targets: readonly ScriptedTarget[] = [];

  constructor(clock: VirtualClock, activity: Activity) {
    this.#clock = clock;
    this.#activity = activity;
  }

  /** Every call that was made, to whomever. */
  get calls(): readonly ReceivedCall[] {
    return this.#calls;
  }

  add(address: string, script: Script, signedBy: 'system' | 'virtual' = 'system'): ScriptedTarget {
    const target = scriptedTarget({
      pattern: addressPattern(address),
      script,
      signedBy,
      onRemove: (removed) => {
        this.#targets = this.#targets.filter((other) => other !== removed);
      },
    });
    // The newest first, so that it replaces an earlier one of the same address.
    this.#targets = [target, ...this.#targets].toSorted(
      (one, other) => other.pattern.precision - one.pattern.precision,
    );
    return target;
  }

  targetOf(url: string): ScriptedTarget | null {
    const address = new URL(url);
    return this.#targets.find(({ pattern }) => pattern.matches(address)) ?? null;
  }

  /** What the target does with a call that arrives now. */
  receive(plain: PlainCall): Reaction | Promise<Reaction> {
    const time = { at: this.#clock.now(), elapsedMs: this.#clock.monotonic() };
    const call = receivedCall(plain, time);
    this.#calls.push(call);
    const target = this.targetOf(plain.url);
    if (target === null) return unscripted(plain.url);
    try {
      const reaction = target.receive(call);
      if (!(reaction instanceof Promise)) return reaction;
      // A test that fails inside a script fails; the caller sees a target that failed.
      return this.#activity.track(reaction).catch(() => FAILED);
    } catch (error) {
      this.#activity.fail(error);
      return FAILED;
    }
  }

  /**
   * One call of the server's, from now on. It is reported once, later, on the virtual clock.
   *
   * @returns Aborts the call.
   */
  send(call: AttemptCall, report: (report: AttemptReport) => void): () => void {
    const clock = this.#clock;
    const startedAt = clock.now();
    let isOver = false;
    let isAborted = false;
    const settle = (outcome: Outcome, response: StoredResponse | null): void => {
      if (isOver) return;
      isOver = true;
      stopTimeout();
      report({ token: call.token, outcome, response, startedAt, endedAt: clock.now() });
    };
    const { timeoutMs } = call;
    const stopTimeout = clock.after(timeoutMs, () => {
      settle({ kind: 'timeout', message: `no complete answer within ${timeoutMs} ms` }, null);
    });
    const answer = (reaction: Reaction): void => {
      if (reaction.kind === 'hang') return;
      clock.after(reaction.delayMs, () => {
        if (reaction.kind === 'network_error') {
          const { kind, code, message } = reaction;
          settle({ kind, code, message }, null);
          return;
        }
        const { kind, status, headers } = reaction;
        const body = storedBody(reaction.bytes, call.maxResponseBytes);
        settle({ kind, status, headers }, { status, headers, ...body });
      });
    };
    clock.after(0, () => {
      if (isOver || isAborted) return;
      const reaction = this.receive(plainCall(call));
      if (reaction instanceof Promise) void reaction.then(answer);
      else answer(reaction);
    });
    return () => {
      isAborted = true;
      clock.after(0, () => settle({ kind: 'aborted' }, null));
    };
  }
}

const FAILED: Reaction = {
  kind: 'response',
  status: 500,
  headers: {},
  bytes: new Uint8Array(),
  delayMs: 0,
};

function unscripted(url: string): Reaction {
  const { origin, pathname } = new URL(url);
  return {
    kind: 'network_error',
    code: 'connection_refused',
    message: `nothing is scripted for ${origin}${pathname}: call server.upstream() or server.webhook() with it`,
    delayMs: 0,
  };
}

function plainCall({ url, method, headers, body }: AttemptCall): PlainCall {
  const bytes =
    body?.encoding === 'base64'
      ? Uint8Array.from(atob(body.data), (character) => character.charCodeAt(0))
      : new TextEncoder().encode(body?.data ?? '');
  return { url, method, headers: Object.entries(headers), bytes };
}
