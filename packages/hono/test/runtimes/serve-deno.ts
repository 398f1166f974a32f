import { remoteSuite } from './remote-suite.ts';

declare const Deno: {
  serve(
    options: { readonly port: number; readonly hostname: string; onListen(): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number } };
};

const remote = remoteSuite();
// It would write its address in words.
const options = { port: 0, hostname: '127.0.0.1', onListen: () => undefined };
const { addr } = Deno.serve(options, (request) => remote.fetch(request));
console.log(JSON.stringify({ port: addr.port }));
