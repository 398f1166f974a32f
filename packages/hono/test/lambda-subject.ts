import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AdapterSubject, RunningAdapter } from '@ezthrottle/testkit/adapter-suite';
import { handle, type APIGatewayProxyResult, type LambdaEvent } from 'hono/aws-lambda';
import { parsers, suiteApp } from './suite-app.ts';

const WHOLE = 'a gateway hands over whole bodies only';
/** The gateway's patience with a body that does not end. */
const BODY_MS = 1_000;

type Encoding = 'plain' | 'base64';
type APIGatewayProxyEventV2 = Extract<LambdaEvent, { version: string; routeKey: string }>;

/** A gateway that calls a Lambda function with version 2 events, as API Gateway and function URLs do. */
export function lambdaSubject(encoding: Encoding): AdapterSubject {
  return {
    name: `Hono 4 as a Lambda function, its body ${encoding}`,
    parsers,
    exceptions: {
      'announced-too-large': WHOLE,
      'turns-out-too-large': WHOLE,
    },
    async start({ prefix = '', ...options }): Promise<RunningAdapter> {
      const app = suiteApp({ ...options, ...(prefix === '' ? {} : { prefix }) });
      const { url, close } = await startGateway(handle(app), encoding);
      return { url: `${url}${prefix}/hook`, echoUrl: `${url}${prefix}/echo`, close };
    },
  };
}

async function startGateway(
  lambda: ReturnType<typeof handle>,
  encoding: Encoding,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const result = await lambda(await eventOf(request, encoding));
      const { statusCode, headers, body, isBase64Encoded }: APIGatewayProxyResult = result;
      const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
      response.writeHead(statusCode, { ...headers, 'content-length': bytes.length }).end(bytes);
    };
    const timer = setTimeout(() => response.writeHead(408).end(), BODY_MS);
    request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function eventOf(
  request: IncomingMessage,
  encoding: Encoding,
): Promise<APIGatewayProxyEventV2> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  const bytes = Buffer.concat(pieces);
  // What is no text always comes as base64.
  const isPlain = encoding === 'plain' && bytes.equals(Buffer.from(bytes.toString()));
  const path = request.url ?? '/';
  const method = request.method ?? 'GET';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        [value ?? ''].flat().join(','),
      ]),
    ),
    body: bytes.length === 0 ? null : bytes.toString(isPlain ? 'utf8' : 'base64'),
    isBase64Encoded: !isPlain,
    requestContext: requestContextOf(path, method),
  };
}

function requestContextOf(path: string, method: string): APIGatewayProxyEventV2['requestContext'] {
  const sourceIp = '127.0.0.1';
  return {
    accountId: 'anonymous',
    apiId: 'api',
    authentication: null,
    authorizer: {},
    domainName: 'localhost',
    domainPrefix: 'localhost',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp, userAgent: 'test' },
    requestId: 'request',
    routeKey: '$default',
    stage: '$default',
    time: '',
    timeEpoch: 0,
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}
