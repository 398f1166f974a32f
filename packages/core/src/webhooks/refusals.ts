import type { Refusal } from './receiver-answer.ts';

const RETRY_SOON = { 'retry-after': '5' };

export function inFlight(): Refusal {
  const message = 'This delivery is being handled; send it again later.';
  return { code: 'conflict', message, headers: RETRY_SOON };
}

export function failedHere(): Refusal {
  const message = 'The webhook could not be handled; send it again.';
  return { code: 'internal_error', message };
}

export function unavailable(message: string): Refusal {
  return { code: 'unavailable', message, headers: RETRY_SOON };
}
