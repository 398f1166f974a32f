import { reportSuite } from './run-suite.ts';

declare const Bun: {
  readonly version: string;
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: (request: Request) => Promise<Response>;
  }): { readonly port: number; stop(closeConnections: boolean): Promise<void> };
};

let stop = async (): Promise<void> => undefined;

await reportSuite(Bun.version, (fetch) => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch });
  stop = () => server.stop(true);
  return server.port;
});

await stop();
