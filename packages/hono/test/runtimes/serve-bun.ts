import { remoteSuite } from './remote-suite.ts';

declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: (request: Request) => Response | Promise<Response>;
  }): { readonly port: number };
};

const { port } = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: remoteSuite().fetch });
console.log(JSON.stringify({ port }));
