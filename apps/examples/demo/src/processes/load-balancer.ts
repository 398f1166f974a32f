import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/** Gives each connection to the next node that is there. */
export class LoadBalancer {
  readonly #server: Server;
  #targets: readonly URL[] = [];
  #turn = 0;

  constructor() {
    this.#server = createServer((client) => {
      const target = this.#targets[this.#turn++ % this.#targets.length];
      if (target === undefined) {
        client.destroy();
        return;
      }
      const node = connect(Number(target.port), target.hostname);
      client.pipe(node).pipe(client);
      client.on('error', () => node.destroy()).on('close', () => node.destroy());
      node.on('error', () => client.destroy()).on('close', () => client.destroy());
    });
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  /** Where connections go from now on. */
  lead(targets: readonly string[]): void {
    this.#targets = targets.map((target) => new URL(target));
  }

  close(): void {
    this.#server.close();
  }
}
