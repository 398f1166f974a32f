import { createServer, type IncomingMessage } from 'node:http';
import { reportSuite } from './run-suite.ts';

const server = createServer();

await reportSuite(process.versions.node, async (answer) => {
  server.on('request', (request, response) => {
    const respond = async (): Promise<void> => {
      const answered = await answer(await requestOf(request));
      response.writeHead(answered.status, Object.fromEntries(answered.headers));
      response.end(await answered.text());
    };
    respond().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
});

server.close();
server.closeAllConnections();

async function requestOf(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const headers = Object.entries(incoming.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  const { method = 'GET', url = '/' } = incoming;
  const address = new URL(url, `http://${incoming.headers.host ?? '127.0.0.1'}`);
  const body = method === 'GET' ? null : Buffer.concat(chunks);
  return new Request(address, { method, headers, body });
}
