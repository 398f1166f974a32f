import { Worker } from 'node:worker_threads';

/** Writes between two checkpoints: about ten pages of log each. */
const WRITES = 256;

/** Between what was erased and the first try to empty the log, and between two tries. Milliseconds. */
const EMPTYING_MS = 500;

// As text, so that it is found from the sources, from a bundle, and from wherever the bundle is moved.
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  let emptying = null;
  function empty() {
    emptying = null;
    try {
      const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      if (busy !== 0) emptyLater();
    } catch {
      emptyLater();
    }
  }
  function emptyLater() {
    emptying ??= setTimeout(empty, ${EMPTYING_MS});
  }
  const database = new DatabaseSync(workerData.file, { timeout: 0 });
  database.exec('PRAGMA synchronous = FULL');
  database.exec('PRAGMA wal_autocheckpoint = 0');
  parentPort.on('message', (message) => {
    if (message === 'empty') return emptyLater();
    if (message === 'close') {
      clearTimeout(emptying);
      database.close();
      parentPort.close();
      return;
    }
    let failure = null;
    try {
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      failure = String(error);
    }
    parentPort.postMessage(failure);
  });
`;

/**
 * Copies the log into the database on a thread of its own, so that commits do not wait for it. Should
 * it fall behind or end, the committing connection does it when the log has grown long: nothing depends
 * on this thread but how long a commit takes.
 */
export class Checkpointer {
  readonly #file: string;
  #worker: Worker | null = null;
  #isRunning = false;
  #isGivenUp = false;
  #writes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** So many writes were committed. */
  committed(writes: number): void {
    this.#writes += writes;
    if (this.#writes < WRITES || this.#isRunning || this.#isGivenUp) return;
    this.#writes = 0;
    this.#isRunning = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage('checkpoint');
  }

  /** Something was erased: the log that tells of it is emptied within about a second. */
  erased(): void {
    if (this.#isGivenUp) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage('empty');
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#isGivenUp = true;
    this.#worker = null;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    worker.ref();
    worker.postMessage('close');
    await ended;
  }

  #start(): Worker {
    const worker = new Worker(THREAD, { eval: true, workerData: { file: this.#file } });
    // It has nothing of its own to finish.
    worker.unref();
    worker.on('message', () => {
      this.#isRunning = false;
    });
    worker.on('error', () => {
      this.#isGivenUp = true;
      this.#worker = null;
    });
    return worker;
  }
}
