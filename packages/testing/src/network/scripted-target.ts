import type { AddressPattern } from './address-pattern.ts';
import { checkScript } from './check-script.ts';
import type { ReceivedCall } from './received-call.ts';
import { react, type Reaction, type Script } from './script.ts';

/** A target that answers by a script and remembers who called. */
export interface Upstream {
  /** In the order of their arrival. */
  readonly calls: readonly ReceivedCall[];
  /** Answers by another script from now on; a list begins with its first step. */
  script(script: Script): void;
  /** Stands for its address no longer. */
  remove(): void;
}

export interface ScriptedTarget extends Upstream {
  readonly pattern: AddressPattern;
  /** The clock that deliveries to it are signed by. */
  readonly signedBy: 'system' | 'virtual';
  receive(call: ReceivedCall): Reaction | Promise<Reaction>;
}

export function scriptedTarget(options: {
  readonly pattern: AddressPattern;
  readonly script: Script;
  readonly signedBy: 'system' | 'virtual';
  readonly onRemove: (target: ScriptedTarget) => void;
}): ScriptedTarget {
  const { pattern, signedBy } = options;
  const calls: ReceivedCall[] = [];
  let { script } = options;
  checkScript(script);
  let count = 0;
  const target: ScriptedTarget = {
    pattern,
    signedBy,
    calls,
    script(next) {
      checkScript(next);
      script = next;
      count = 0;
    },
    remove: () => options.onRemove(target),
    receive(call) {
      calls.push(call);
      count += 1;
      return react(script, call, count);
    },
  };
  return target;
}
