import { EZThrottle, type JobEvent } from '@ezthrottle/core';
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import { seenUnder, type Suite, type World } from './world.ts';

export const streaming: Suite = {
  'streams what happens to a job over the network, until its end': async (world) => {
    const events = await allOf(networked(world).stream('streamed'));
    expectEqual(
      events.map(({ type, id }) => [type, id]),
      [
        ['queued', '1'],
        ['completed', '2'],
      ],
    );
    const [seen] = await seenUnder(world, '/api/v1/jobs/streamed/stream');
    expectEqual(seen?.headers['accept'], 'text/event-stream');
  },

  'reads a stream that comes in pieces, cut within a character': async () => {
    const text =
      'id: 1\nevent: retrying\n' +
      'data: {"job_id":"j","at":1,"attempt":1,"reason":"✓ü","status_code":503,"retry_at":2}\n\n' +
      'id: 2\nevent: failed\n' +
      'data: {"job_id":"j","at":3,"status":"failed","state":"failed","result":null}\n\n';
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    const fetch = async (): Promise<Response> => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (offset >= bytes.length) controller.close();
          else controller.enqueue(bytes.slice(offset, (offset += 1)));
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const client = new EZThrottle({ apiKey: 'key', baseUrl: 'https://server.example', fetch });
    const [first, second] = await allOf(client.stream('j'));
    expectMembers(first, { type: 'retrying', reason: '✓ü' });
    expectMembers(second, { type: 'failed', state: 'failed' });
  },

  'a client that is closed ends what runs, and takes nothing more': async (world) => {
    const client = networked(world);
    const running = errorOf(() => client.jobs.get('hang'));
    await client.close();
    expectMembers(await running, { code: 'closed' });
    const error = await errorOf(() => client.submitJob({ url: 'https://api.example/closed' }));
    expectMembers(error, { code: 'closed' });
    const seen = await seenUnder(world, '/api/v1/jobs');
    expectTrue(!seen.some(({ text }) => text.includes('/closed')), 'a job was submitted');
  },
};

function networked(world: World): EZThrottle {
  return new EZThrottle({ apiKey: 'key', baseUrl: world.serverUrl, retry: false });
}

async function allOf(events: AsyncIterable<JobEvent>): Promise<readonly JobEvent[]> {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}
