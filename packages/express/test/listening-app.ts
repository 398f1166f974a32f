import { createServer, type Server } from 'node:http';
import type { Application } from 'express';

/** An application that really listens, on a free port of this machine. */
export interface ListeningApp {
  readonly origin: string;
  readonly close: () => Promise<void>;
}

export async function listen(app: Application): Promise<ListeningApp> {
  const server: Server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
