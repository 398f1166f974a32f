import { ERROR_STATUS, type ErrorCode, type Problem } from '../protocol/wire-error.ts';

/** What to answer the sender, whatever the framework. */
export interface ReceiverAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Why a delivery was not accepted. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly problems?: readonly Problem[];
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };

const ACCEPTED: Readonly<Record<'received' | 'duplicate', ReceiverAnswer>> = {
  received: acceptedAs('received'),
  duplicate: acceptedAs('duplicate'),
};

function acceptedAs(status: string): ReceiverAnswer {
  return { status: 200, headers: JSON_HEADERS, body: JSON.stringify({ status }) };
}

/** `received`: handled just now. `duplicate`: handled before. */
export function accepted(status: 'received' | 'duplicate'): ReceiverAnswer {
  return ACCEPTED[status];
}

export function refused(refusal: Refusal): ReceiverAnswer {
  const { code, message, problems, headers } = refusal;
  return {
    status: ERROR_STATUS[code],
    headers: { ...JSON_HEADERS, ...headers },
    body: JSON.stringify({ error: code, message, ...(problems === undefined ? {} : { problems }) }),
  };
}
