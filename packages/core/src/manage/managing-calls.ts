import { isObject } from '../http/json.ts';
import type { Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { HEADERS } from '../protocol/headers.ts';
import { callLimits, type CallOptions } from '../resources/call-options.ts';
import { unexpectedAnswer } from '../resources/checked-answer.ts';

/** Calls of an operator: each act says who does it, and is done once when it has to be tried again. */
export class ManagingCalls {
  readonly runtime: Runtime;
  readonly #transport: Transport;
  readonly #actor: string | null;

  constructor(transport: Transport, runtime: Runtime, actor: string | null) {
    this.runtime = runtime;
    this.#transport = transport;
    this.#actor = actor;
  }

  async look(
    path: string,
    query: Readonly<Record<string, string | number | undefined>>,
    options: CallOptions,
  ): Promise<unknown> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) parameters.set(name, String(value));
    }
    const search = parameters.size === 0 ? '' : `?${parameters.toString()}`;
    return this.#transport.send({ method: 'GET', path: path + search, ...callLimits(options) });
  }

  async act(path: string, body: object, options: CallOptions): Promise<unknown> {
    const headers = {
      [HEADERS.idempotencyKey]: this.runtime.createId(),
      ...(this.#actor !== null && { [HEADERS.actor]: encodeURIComponent(this.#actor) }),
    };
    return this.#transport.send({ method: 'POST', path, body, headers, ...callLimits(options) });
  }
}

/** A page that has this list; throws when it has not. */
export function checkedPage<Page>(answer: unknown, list: keyof Page & string, what: string): Page {
  if (!isPage<Page>(answer, list)) throw unexpectedAnswer(what);
  return answer;
}

function isPage<Page>(value: unknown, list: string): value is Page {
  if (!isObject(value) || !Array.isArray(value[list])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
