import type { JsonValue } from '@ezthrottle/core/protocol';
import { type Duration, durationMs } from '../time/duration.ts';
import { checkAnswer } from './check-script.ts';
import type { ReceivedCall } from './received-call.ts';

/** What a scripted target does with a call. Without anything: 200, at once. */
export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes go out as they are, everything else as JSON. */
  readonly body?: JsonValue | Uint8Array<ArrayBuffer>;
  /** Virtual time that passes before the answer. */
  readonly delay?: Duration;
  /** Instead of an answer: the connection fails, with this code such as `connection_reset`. */
  readonly networkError?: string | true;
  /** Instead of an answer: nothing, until whoever called gives up. */
  readonly hang?: true;
}

export type ScriptResult = number | ScriptedAnswer | Response | null | undefined | void;

/** A status, an answer, or a function that says it for each call, counted from 1. */
export type ScriptStep =
  | number
  | ScriptedAnswer
  | ((call: ReceivedCall, count: number) => ScriptResult | Promise<ScriptResult>);

/** One step for all calls, or one for each in turn, the last of which repeats. */
export type Script = ScriptStep | readonly ScriptStep[];

export type Reaction =
  | {
      readonly kind: 'response';
      readonly status: number;
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly delayMs: number;
    }
  | {
      readonly kind: 'network_error';
      readonly code: string;
      readonly message: string;
      readonly delayMs: number;
    }
  | { readonly kind: 'hang' };

/** What the script does with its n-th call (from 1). Rejects with what a function of it throws. */
export function react(
  script: Script,
  call: ReceivedCall,
  count: number,
): Reaction | Promise<Reaction> {
  const steps: readonly ScriptStep[] = isList(script) ? script : [script];
  const step = steps[count - 1] ?? steps.at(-1) ?? {};
  if (typeof step !== 'function') return reactionOf(step);
  return Promise.resolve(step(call, count)).then((result) =>
    result instanceof Response ? responseReaction(result) : checkedReaction(result ?? {}),
  );
}

function checkedReaction(answer: number | ScriptedAnswer): Reaction {
  checkAnswer(answer);
  return reactionOf(answer);
}

function reactionOf(answer: number | ScriptedAnswer): Reaction {
  if (typeof answer === 'number') return reactionOf({ status: answer });
  const delayMs = durationMs(answer.delay ?? 0);
  if (answer.hang === true) return { kind: 'hang' };
  if (answer.networkError !== undefined) {
    const code = answer.networkError === true ? 'connection_reset' : answer.networkError;
    return { kind: 'network_error', code, message: 'the scripted connection failed', delayMs };
  }
  const { type, bytes } = bodyOf(answer.body);
  const headers = { ...(type === null ? {} : { 'content-type': type }), ...lower(answer.headers) };
  return { kind: 'response', status: answer.status ?? 200, headers, bytes, delayMs };
}

async function responseReaction(response: Response): Promise<Reaction> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const headers = Object.fromEntries(response.headers);
  return { kind: 'response', status: response.status, headers, bytes, delayMs: 0 };
}

function bodyOf(body: ScriptedAnswer['body']): {
  readonly type: string | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
} {
  if (body === undefined) return { type: null, bytes: new Uint8Array() };
  if (body instanceof Uint8Array) return { type: 'application/octet-stream', bytes: body };
  const isText = typeof body === 'string';
  const bytes = new TextEncoder().encode(isText ? body : JSON.stringify(body));
  return { type: isText ? 'text/plain;charset=UTF-8' : 'application/json', bytes };
}

function lower(headers: ScriptedAnswer['headers'] = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function isList(script: Script): script is readonly ScriptStep[] {
  return Array.isArray(script);
}
