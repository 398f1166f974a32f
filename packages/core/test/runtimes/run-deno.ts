import { reportSuite } from './run-suite.ts';

declare const Deno: {
  readonly version: { readonly deno: string };
  serve(
    options: { readonly port: number; readonly hostname: string; onListen(): void },
    handler: (request: Request) => Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
};

let stop = async (): Promise<void> => undefined;

await reportSuite(Deno.version.deno, (answer) => {
  // It would write its address to the output, which is the report's.
  const options = { port: 0, hostname: '127.0.0.1', onListen: () => undefined };
  const server = Deno.serve(options, answer);
  stop = () => server.shutdown();
  return server.addr.port;
});

await stop();
