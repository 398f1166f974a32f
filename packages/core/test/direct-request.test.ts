import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { EZThrottle, NetworkError, TimeoutError } from '@ezthrottle/core';

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

const client = new EZThrottle({ apiKey: 'k', baseUrl: 'http://127.0.0.1:1' });

/** Says the beginning of a body, and then nothing more. */
const hanging: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('the beginning');
};

describe('a call of one’s own', () => {
  it('gives the answer of the target as it is', async () => {
    const url = await serve((_, response) => {
      response.writeHead(201, { 'x-custom': 'yes' }).end('done');
    });
    const response = await client.request({ url, method: 'POST', body: 'order' });
    expect(response).toMatchObject({ status: 201, ok: true, url: `${url}/` });
    expect(response.headers.get('x-custom')).toBe('yes');
    expect(await response.text()).toBe('done');
  });

  it('is over in time when the body hangs, too', async () => {
    const url = await serve(hanging);
    const response = await client.request({ url, timeout: 60 });
    const reading = response.text();
    await expect(reading).rejects.toBeInstanceOf(TimeoutError);
    await expect(reading).rejects.toThrow('within 60 ms');
  });

  it('ends the reading of a body with the caller’s reason, and when the client is closed', async () => {
    const url = await serve(hanging);
    const controller = new AbortController();
    const reason = new Error('enough');
    const { signal } = controller;
    const reading = (await client.request({ url, signal })).text();
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    const own = new EZThrottle({ apiKey: 'k' });
    const other = (await own.request({ url })).text().catch((error: unknown) => error);
    await own.close();
    expect(await other).toMatchObject({ code: 'closed' });
  });

  it('tells a body that breaks off as an error of the network', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('the beginning', () => response.destroy());
    });
    const response = await client.request({ url });
    await expect(response.text()).rejects.toBeInstanceOf(NetworkError);
  });

  it('lets go of the caller’s signal when the body is read, given up or not there', async () => {
    const url = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(204).end();
      else response.end('done');
    });
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await (await client.request({ url, signal })).text();
    await (await client.request({ url, signal })).body?.cancel();
    await client.request({ url, signal, method: 'HEAD' });
    expect(listeners).toBe(0);
  });

  it('follows no redirect: the caller’s keys stay where he sent them', async () => {
    const asked: string[] = [];
    const elsewhere = await serve((request, response) => {
      asked.push(String(request.headers['x-api-key']));
      response.end();
    });
    const url = await serve((_, response) => {
      response.writeHead(307, { location: elsewhere }).end();
    });
    const headers = { 'x-api-key': 'secret' };
    const response = await client.request({ url, method: 'POST', headers });
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe(elsewhere);
    expect(asked).toEqual([]);
  });
});
