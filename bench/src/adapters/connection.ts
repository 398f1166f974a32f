import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * One kept connection that sends prepared requests and looks at nothing but the status. It has to be
 * cheaper than any app: a sender that is slower than one app and faster than another would sleep for
 * the one and not for the other, and to be woken up costs who answers more than many of the apps do.
 */
export class Connection implements Disposable {
  readonly #socket: Socket;
  #settle: ((status: number) => void) | null = null;
  #fail: ((error: Error) => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    // Every app writes an answer of this size in one piece.
    socket.on('data', (piece: Buffer) => {
      const status = Number(piece.toString('latin1', 9, 12));
      if (!Number.isInteger(status)) throw new Error('an answer that does not begin as HTTP');
      this.#settle?.(status);
    });
    // Or its answer would be waited for without end.
    socket.on('close', () => this.#fail?.(new Error('the app has closed the connection')));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket);
  }

  send(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
      this.#socket.write(request);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

export function requestBytes(body: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST /hook HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
