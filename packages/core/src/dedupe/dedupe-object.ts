import type { DedupeClaim } from '../webhooks/dedupe-store.ts';

/** What is used of the storage of a Durable Object. */
export interface DedupeObjectStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  deleteAll(): Promise<void>;
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

/** What is used of a `DurableObjectState`. */
export interface DedupeObjectState {
  readonly storage: DedupeObjectStorage;
}

/** What is asked of the object of one id. */
export interface DedupeQuestion {
  readonly verb: 'begin' | 'commit' | 'release';
  readonly token: string;
  /** How long the lease or the memory lasts; unused by a release. */
  readonly ms: number;
}

/** `held`: the token holds the claim, and what was asked is done. */
export type DedupeReply = DedupeClaim | 'held' | 'not_held';

interface Entry {
  /** Null once it is done. */
  readonly token: string | null;
  /** Of the lease or the memory, by the clock of this object. */
  readonly endsAt: number;
}

const ENTRY = 'entry';

/**
 * The Durable Object of one delivery: holds its claim, then that it is done, and empties itself by an
 * alarm when that is over. A Worker exports it; nobody else calls it. The runtime hands no request to
 * an object while another one of it waits for its storage, which makes each of these verbs atomic.
 */
export class DedupeObject {
  /** Not there: by it Cloudflare's types know the class of a Durable Object, as in `wrangler types`. */
  declare readonly __DURABLE_OBJECT_BRAND: never;
  readonly #storage: DedupeObjectStorage;

  constructor(state: DedupeObjectState) {
    this.#storage = state.storage;
  }

  async fetch(request: Request): Promise<Response> {
    const question = questionOf(await request.text());
    if (question === null) return new Response('Only a dedupe store asks here.', { status: 400 });
    return Response.json(await this.#answer(question));
  }

  /** Called by the runtime, never early. */
  async alarm(): Promise<void> {
    const entry = await this.#entry();
    if (entry !== null && entry.endsAt > Date.now()) await this.#storage.setAlarm(entry.endsAt);
    else await this.#storage.deleteAll();
  }

  async #answer({ verb, token, ms }: DedupeQuestion): Promise<DedupeReply> {
    const entry = await this.#entry();
    if (verb === 'begin') {
      const isHeld = entry !== null && entry.endsAt > Date.now();
      if (isHeld) return entry.token === null ? 'done' : 'in_flight';
      await this.#keep({ token, endsAt: Date.now() + ms });
      return 'acquired';
    }
    if (entry === null || entry.token !== token) return 'not_held';
    if (verb === 'commit') {
      await this.#keep({ token: null, endsAt: Date.now() + ms });
    } else {
      await Promise.all([this.#storage.deleteAll(), this.#storage.deleteAlarm()]);
    }
    return 'held';
  }

  /** Not awaited one after the other, so that both are written or neither. */
  async #keep(entry: Entry): Promise<void> {
    await Promise.all([this.#storage.put(ENTRY, entry), this.#storage.setAlarm(entry.endsAt)]);
  }

  async #entry(): Promise<Entry | null> {
    const entry = await this.#storage.get(ENTRY);
    if (typeof entry !== 'object' || entry === null) return null;
    if (!('token' in entry && 'endsAt' in entry && typeof entry.endsAt === 'number')) return null;
    const { token, endsAt } = entry;
    return { token: typeof token === 'string' ? token : null, endsAt };
  }
}

function questionOf(text: string): DedupeQuestion | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const verb = 'verb' in value ? value.verb : null;
  const token = 'token' in value ? value.token : null;
  const ms = 'ms' in value ? value.ms : null;
  if (verb !== 'begin' && verb !== 'commit' && verb !== 'release') return null;
  if (typeof token !== 'string' || typeof ms !== 'number') return null;
  return { verb, token, ms };
}
