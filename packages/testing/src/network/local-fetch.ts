import type { VirtualClock } from '../time/virtual-clock.ts';
import type { Activity } from './activity.ts';
import type { Network } from './network.ts';
import type { Reaction } from './script.ts';

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** A call of the test's own code to a scripted target, answered in virtual time. */
export async function fetchLocally(
  request: Request,
  parts: { readonly network: Network; readonly clock: VirtualClock; readonly activity: Activity },
): Promise<Response> {
  const { url, method, headers, signal } = request;
  signal.throwIfAborted();
  const bytes = new Uint8Array(await request.arrayBuffer());
  const reaction = await parts.network.receive({ url, method, headers, bytes });
  if (reaction.kind === 'hang' || reaction.delayMs > 0) {
    await pass(reaction.kind === 'hang' ? null : reaction.delayMs, signal, parts);
  }
  signal.throwIfAborted();
  return responseOf(reaction);
}

/** @param delayMs Null: for ever, or until it is aborted. */
function pass(
  delayMs: number | null,
  signal: AbortSignal,
  { clock, activity }: { readonly clock: VirtualClock; readonly activity: Activity },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const unpark = activity.park();
    const onAbort = (): void => {
      stop();
      unpark();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const done = (): void => {
      signal.removeEventListener('abort', onAbort);
      unpark();
      resolve();
    };
    const stop = delayMs === null ? () => undefined : clock.after(delayMs, done);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function responseOf(reaction: Reaction): Response {
  if (reaction.kind !== 'response') {
    const message = reaction.kind === 'network_error' ? reaction.message : 'no answer';
    const code = reaction.kind === 'network_error' ? reaction.code : 'connection_reset';
    const cause = Object.assign(new Error(message), { code });
    throw new TypeError('fetch failed', { cause });
  }
  const { status, headers, bytes } = reaction;
  return new Response(WITHOUT_BODY.has(status) ? null : bytes, { status, headers });
}
