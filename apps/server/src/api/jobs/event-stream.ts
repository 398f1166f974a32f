import { Readable } from 'node:stream';

export interface EventFrame {
  readonly event: string;
  /** Absent: the frame does not move the place at which a client resumes. */
  readonly id?: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How long a client waits before it comes back, in milliseconds. */
const RECONNECT_MS = 2_000;

/** Bytes that wait for a client that reads slowly; one frame may always stand there. */
const MAX_WAITING_BYTES = 262_144;

/**
 * Server-sent events as a stream of text. A client that does not read is let go: it comes back with
 * the id of the last event it saw.
 */
export class EventStream {
  readonly readable: Readable;
  #isEnded = false;
  readonly #waiting: (() => void)[] = [];

  constructor() {
    this.readable = new Readable({ read: () => this.#wake(), encoding: 'utf8' });
    this.readable.once('close', () => this.#wake());
    this.readable.push(`retry: ${RECONNECT_MS}\n\n`);
  }

  get isOpen(): boolean {
    return !this.#isEnded && !this.readable.destroyed && !this.readable.readableEnded;
  }

  /** Whether a frame that may be missed should rather be left out. */
  get isBehind(): boolean {
    return this.readable.readableLength > MAX_WAITING_BYTES;
  }

  send(frame: EventFrame): void {
    const id = frame.id === undefined ? '' : `id: ${frame.id}\n`;
    // JSON has no line breaks outside of escapes, so one data line is enough.
    this.#write(`event: ${frame.event}\n${id}data: ${JSON.stringify(frame.data)}\n\n`);
  }

  keepAlive(): void {
    this.#write(': keepalive\n\n');
  }

  /** @param why Told in a comment, for whoever looks at what came. Default: nothing is told. */
  end(why?: string): void {
    if (!this.isOpen) return;
    if (why !== undefined) this.readable.push(`: ${why}\n\n`);
    this.#isEnded = true;
    this.readable.push(null);
  }

  onClose(listener: () => void): void {
    this.readable.once('close', listener);
  }

  /** Resolves when the client has read what waited for it, or has gone. */
  async untilRead(): Promise<void> {
    while (this.isBehind && this.isOpen) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #write(text: string): void {
    if (!this.isOpen) return;
    if (this.isBehind) this.readable.destroy();
    else this.readable.push(text);
  }
}
