import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often connections that have nothing left to do are looked for. */
const LOOK_MS = 50;

/**
 * Prepares a server to be closed while clients hold connections open. The returned function begins
 * it: connections end after the request they carry, at once when they carry none, and whatever takes
 * longer than the bound is cut. It returns a function that ends the looking.
 */
export function endConnectionsWithin(server: Server, boundMs: number): () => () => void {
  // Browsers connect ahead of need. The server counts such a connection as busy until it sends something.
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', (request) => unused.delete(request.socket));

  return () => {
    const look = (): void => {
      server.closeIdleConnections();
      for (const socket of unused) {
        if (socket.bytesRead === 0) socket.destroy();
      }
    };
    const looking = setInterval(look, LOOK_MS);
    const bound = setTimeout(() => server.closeAllConnections(), boundMs);
    return () => {
      clearInterval(looking);
      clearTimeout(bound);
    };
  };
}
