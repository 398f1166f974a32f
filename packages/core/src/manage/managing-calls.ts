import { NotFoundError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import type { Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { HEADERS } from '../protocol/headers.ts';
import { wantText } from '../option-checks.ts';
import { refuseWrongArguments } from '../resources/argument-checks.ts';
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
    const headers = { [HEADERS.idempotencyKey]: this.runtime.createId(), ...this.#said() };
    return this.#transport.send({ method: 'POST', path, body, headers, ...callLimits(options) });
  }

  /** A change that says the same each time, so that it may be tried again; a POST is not. */
  async change(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: object | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    return this.#transport.send({
      method,
      path,
      ...(body !== undefined && { body }),
      headers: this.#said(),
      isRepeatable: method !== 'POST',
      ...callLimits(options),
    });
  }

  #said(): Readonly<Record<string, string>> {
    return this.#actor === null ? {} : { [HEADERS.actor]: encodeURIComponent(this.#actor) };
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

/** An answer that has this list; throws when it has not. */
export function checkedList<Answer>(
  answer: unknown,
  list: keyof Answer & string,
  what: string,
): Answer {
  if (!hasList<Answer>(answer, list)) throw unexpectedAnswer(what);
  return answer;
}

function hasList<Answer>(value: unknown, list: string): value is Answer {
  return isObject(value) && Array.isArray(value[list]);
}

/** Address of one of these. Throws `ValidationError` unless it is named, `NotFoundError` when nothing can be. */
export function onePath(path: string, name: string): string {
  refuseWrongArguments(wantText(name ?? null, 'name'));
  // An address ends before a segment of dots, or of nothing: the call would be about the list.
  if (/^\.{0,2}$/.test(name)) throw new NotFoundError(`"${name}" cannot be a name`);
  return `${path}/${encodeURIComponent(name)}`;
}
