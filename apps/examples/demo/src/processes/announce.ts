import type { Server } from 'node:http';

/** Listens on loopback and tells the parent process where; ends when the parent is gone. */
export function announce(server: Server, port: number): void {
  server.listen(port, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    process.send?.({ ready: true, port: address.port });
  });
  process.once('disconnect', () => process.exit(0));
}
