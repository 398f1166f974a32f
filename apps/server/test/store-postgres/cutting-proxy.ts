import { connect, createServer, type Server, type Socket } from 'node:net';

/** How the connection goes that sends the next COMMIT. */
export type Cut =
  /** COMMIT does not reach the database. */
  | 'before'
  /** The database carries it out; its answer does not come back. */
  | 'after'
  /** The same, but COMMIT arrives only when its client has given up long ago. */
  | 'late';

/** Stands between a store and its database, and cuts connections at the worst moment. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Of the next COMMIT that comes by; null: it goes through. */
  cut: Cut | null;
  /** How many were cut. */
  readonly cuts: number;
}

const COMMIT = Buffer.from('COMMIT\u0000');
const LATE_MS = 400;

export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const state = { cut: null as Cut | null, cuts: 0 };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    upstream.on('data', (chunk: Buffer) => void client.write(chunk));
    upstream.on('close', () => client.destroy());
    let isCut = false;
    client.on('close', () => {
      if (!isCut) upstream.destroy();
    });
    client.on('data', (chunk: Buffer) => {
      if (state.cut === null || !chunk.includes(COMMIT)) {
        upstream.write(chunk);
        return;
      }
      const { cut } = state;
      isCut = true;
      state.cut = null;
      state.cuts += 1;
      client.destroy();
      if (cut === 'before') upstream.destroy();
      else if (cut === 'after') upstream.end(chunk);
      else setTimeout(() => upstream.end(chunk), LATE_MS);
    });
  });
  const port = await listening(server);
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    get cut() {
      return state.cut;
    },
    set cut(cut) {
      state.cut = cut;
    },
    get cuts() {
      return state.cuts;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
