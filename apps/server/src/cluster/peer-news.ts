import { type Clock, type Id, slotOf, slotOfEndpoint } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';
import {
  decodePeerMessage,
  encodePeerNews,
  type PeerMessage,
  type PeerNews,
} from './peer-message.ts';
import type { Peers, PutLine } from './peers.ts';

/** Carries texts between nodes, when it can. */
export interface PeerTransport {
  send(texts: readonly string[]): Promise<void>;
  /** Called once. Its own texts come back as well. */
  onText(listener: (text: string) => void): void;
  /** Begins to listen anew. Never rejects. */
  listenAnew(): Promise<void>;
  /** Why nothing arrives at this moment; null: nothing is known to stand in the way. */
  obstacle(): string | null;
  close(): Promise<void>;
}

export interface PeerNewsOptions {
  readonly self: Id;
  readonly clock: Pick<Clock, 'after'>;
  readonly transport: PeerTransport;
  readonly onMessage: (message: PeerMessage) => void;
  /** Something that this node has said came back. Default: nobody wants to know. */
  readonly onOwn?: () => void;
  /** How long news wait for company, in milliseconds. Default 15. */
  readonly everyMs?: number;
}

/** Lines that are told by name at one time; of more only the slots. */
const MOST_LINES = 64;
const MOST_MOVED = 200;

/** Gathers what is to be told for a moment, so that many writes make one message. */
export class PeerNewsWire implements Peers {
  readonly #options: PeerNewsOptions;
  readonly #put = new Map<string, PutLine>();
  readonly #slots = new Set<number>();
  readonly #due = new Set<number>();
  readonly #moved = new Set<Id>();
  readonly #watched = new Set<Id>();
  readonly #limits = new Set<string>();
  #notices: JobNotice[] = [];
  #isRevised = false;
  #isRedriven = false;
  #stopTimer: (() => void) | null = null;

  constructor(options: PeerNewsOptions) {
    this.#options = options;
    options.transport.onText((text) => {
      const message = decodePeerMessage(text);
      if (message === null) return;
      if (message.from === options.self) options.onOwn?.();
      else options.onMessage(message);
    });
  }

  put(lines: readonly PutLine[]): void {
    for (const { organization, apiKey, userId, origin } of lines) {
      if (this.#put.size >= MOST_LINES) this.#slots.add(slotOf(organization, origin));
      else {
        const line = { organization, apiKey, userId, origin };
        this.#put.set(JSON.stringify(line), line);
      }
    }
    this.#plan();
  }

  due(endpoints: readonly { readonly organization: Id; readonly url: string }[]): void {
    for (const { organization, url } of endpoints) this.#due.add(slotOfEndpoint(organization, url));
    this.#plan();
  }

  moved(jobId: Id): void {
    if (this.#moved.size < MOST_MOVED) this.#moved.add(jobId);
    this.#plan();
  }

  /** What has happened to a job that is watched elsewhere. */
  notice(notice: JobNotice): void {
    this.#notices.push(notice);
    this.#plan();
  }

  /** Something that every node keeps in memory was changed here. */
  revised(): void {
    this.#isRevised = true;
    this.#plan();
  }

  /** A redrive was begun here, which another node sends. */
  redriven(): void {
    this.#isRedriven = true;
    this.#plan();
  }

  /** These jobs are watched here. */
  watching(jobIds: Iterable<Id>): void {
    for (const id of jobIds) this.#watched.add(id);
    if (this.#watched.size > 0) this.#plan();
  }

  /** Shares of these limits have changed, or are asked for. */
  limits(keys: Iterable<string>): void {
    for (const key of keys) this.#limits.add(key);
    if (this.#limits.size > 0) this.#plan();
  }

  /** Says nothing but that it is there. Rejects when that cannot be said. */
  say(): Promise<void> {
    return this.#options.transport.send([JSON.stringify({ from: this.#options.self })]);
  }

  async close(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#flush();
    await this.#options.transport.close();
  }

  #plan(): void {
    const { clock, everyMs = 15 } = this.#options;
    this.#stopTimer ??= clock.after(everyMs, () => {
      this.#stopTimer = null;
      this.#flush();
    });
  }

  #flush(): void {
    const { self, transport } = this.#options;
    const news: PeerNews = {
      put: [...this.#put.values()],
      slots: [...this.#slots],
      due: [...this.#due],
      moved: [...this.#moved],
      notices: this.#notices,
      revised: this.#isRevised ? [true] : [],
      redrives: this.#isRedriven ? [true] : [],
      watched: [...this.#watched],
      limits: [...this.#limits],
    };
    const all = [this.#put, this.#slots, this.#due, this.#moved, this.#watched, this.#limits];
    for (const part of all) part.clear();
    this.#notices = [];
    this.#isRevised = false;
    this.#isRedriven = false;
    const texts = encodePeerNews(self, news);
    // What is lost is found by looking.
    if (texts.length > 0) transport.send(texts).catch(() => undefined);
  }
}
