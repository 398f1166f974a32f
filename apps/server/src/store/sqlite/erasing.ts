/** Whether something was erased that the log still tells of. */
export class Erasing {
  #isPending = false;

  done(): void {
    this.#isPending = true;
  }

  /** Whether there was anything since this was asked last. */
  take(): boolean {
    const isPending = this.#isPending;
    this.#isPending = false;
    return isPending;
  }
}
