/** From this length a chunk is kept as it came. */
const LARGE = 4_096;
/** Blocks grow with the body up to this length. */
const LARGEST_BLOCK = 65_536;

/**
 * Bytes up to a bound; what goes beyond it is dropped. Small chunks are put together as they come: a target that
 * sends a megabyte byte by byte would else cost a hundred times that.
 */
export class BoundedBytes {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  /** The last of the chunks while there is room in it, and how much of it is used. */
  #block: Buffer | null = null;
  #used = 0;
  #size = 0;
  #isCut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether something was dropped. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(chunk: Buffer): void {
    const room = this.#maxBytes - this.#size;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (kept.length < chunk.length) this.#isCut = true;
    if (kept.length === 0) return;
    this.#size += kept.length;
    // Most bodies come in one.
    if (kept.length >= LARGE || this.#chunks.length === 0) {
      this.#seal();
      this.#chunks.push(kept);
    } else {
      this.#copy(kept);
    }
  }

  takeChunks(): readonly Buffer[] {
    this.#seal();
    const chunks = this.#chunks;
    this.clear();
    return chunks;
  }

  joined(): Buffer {
    this.#seal();
    const [only, ...others] = this.#chunks;
    return only !== undefined && others.length === 0
      ? only
      : Buffer.concat(this.#chunks, this.#size);
  }

  clear(): void {
    this.#chunks = [];
    this.#block = null;
    this.#size = 0;
  }

  #copy(chunk: Buffer): void {
    if (this.#block === null || this.#used + chunk.length > this.#block.length) {
      this.#seal();
      this.#block = Buffer.allocUnsafe(Math.min(LARGEST_BLOCK, Math.max(LARGE, this.#size)));
      this.#used = 0;
      this.#chunks.push(this.#block);
    }
    chunk.copy(this.#block, this.#used);
    this.#used += chunk.length;
  }

  /** Nothing more comes into the block that is being filled. */
  #seal(): void {
    if (this.#block === null) return;
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#used);
    this.#block = null;
  }
}
