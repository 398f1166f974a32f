import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SignedRequest } from '@ezthrottle/testing';

export interface Answer {
  readonly status: number;
  readonly body: { readonly status?: string; readonly error?: string };
}

/** Sends deliveries as they are, over a bounded number of connections that are kept. */
export class DeliverySender implements Disposable {
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** Rejects when the connection breaks. */
  send(port: string, { headers, body }: SignedRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', host: '127.0.0.1', port, headers, agent: this.#agent };
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** Sends it again as long as it is being handled elsewhere; gives every answer. */
  async sendUntilTaken(port: string, delivery: SignedRequest): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (;;) {
      const answer = await this.send(port, delivery);
      answers.push(answer);
      if (answer.status !== 409) return answers;
      await sleep(100);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
