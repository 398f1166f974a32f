import { EZThrottleError } from '../errors.ts';
import { readAnswer, type ApiCall, type Transport } from './transport.ts';

const EVENT_STREAM = 'text/event-stream';

/** A stream that says nothing for so long is taken for broken: a server gives a sign every 15 s. */
const STREAM_IDLE_MS = 45_000;

/**
 * The text of an event stream as it arrives, until it ends. Tried once, straight, past the circuit:
 * whoever reads it comes back by himself.
 */
export async function* streamText(
  transport: Transport,
  call: ApiCall,
): AsyncGenerator<string, void, undefined> {
  const { running, detour } = transport.options;
  if (detour !== null) {
    throw new EZThrottleError('The proxy passes no streams on', { code: 'not_supported' });
  }
  const run = running.begin(call.signal);
  const headers = { ...call.headers, Accept: EVENT_STREAM };
  const sent = transport.named({ ...call, headers }, run.signal);
  const deadline = transport.startDeadline(sent);
  try {
    const response = await transport.fetch(sent, deadline.signal);
    const type = response.headers.get('content-type') ?? '';
    if (response.status === 204) return;
    if (response.status !== 200 || !type.startsWith(EVENT_STREAM)) {
      throw transport.refusal(await readAnswer(response), sent);
    }
    const decoder = new TextDecoder();
    const reader = response.body?.getReader();
    for (;;) {
      deadline.restart(STREAM_IDLE_MS);
      const chunk = await reader?.read();
      // Time that the reader takes is not the server's.
      deadline.restart(Number.POSITIVE_INFINITY);
      if (chunk?.value === undefined) return;
      yield decoder.decode(chunk.value, { stream: true });
    }
  } catch (error) {
    throw transport.failure(error, sent, deadline);
  } finally {
    deadline.clear();
    deadline.abort();
    run.end();
  }
}
