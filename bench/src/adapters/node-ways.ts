import { nodeListener } from '@ezthrottle/core/node';
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks';
import {
  doNothing,
  onlyReading,
  RECEIVED,
  SILENT,
  UNSIGNED,
  type FrameworkWays,
} from './framework.ts';
import { listen } from './listen.ts';
import { SECRET } from './signing.ts';

const ANSWER = JSON.stringify(RECEIVED);

/** Without a framework: what the receiver itself costs is most of what is seen here. */
export const nodeWays: FrameworkWays = {
  bare: () =>
    listen((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        JSON.parse(Buffer.concat(pieces).toString());
        response.writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': ANSWER.length,
        });
        response.end(ANSWER);
      });
    }),
  adapter: () => listen(nodeListener(onlyReading())),
  unsigned: () => listen(nodeListener(UNSIGNED)),
  signed: () => listen(nodeListener({ secrets: SECRET, on: { any: doNothing } })),
  octokit: () => {
    const webhooks = new Webhooks({ secret: SECRET, log: SILENT });
    webhooks.onAny(doNothing);
    const middleware = createNodeMiddleware(webhooks, { path: '/hook', log: SILENT });
    return listen((request, response) => void middleware(request, response));
  },
};
