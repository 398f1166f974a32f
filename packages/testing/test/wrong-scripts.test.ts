import { createTestServer, signedRequest } from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

const URL = 'https://api.example.com/orders';

describe('a script that no target can follow', () => {
  test.each<[unknown, RegExp]>([
    [{ stauts: 500 }, /the script has a member "stauts"; expected some of status, headers/],
    [99, /the script is 99; expected a status from 200 to 599/],
    [700, /the script is 700/],
    [[], /an empty list; expected at least one step/],
    [null, /the script is null; expected a status, an answer or a function/],
    ['500', /the script is "500"/],
    [[200, [500]], /step \[1\] is a list/],
    [{ delay: 'xx' }, /delay of the script is "xx"; expected milliseconds/],
    [{ hang: false }, /hang of the script is false; expected true/],
    [{ networkError: '' }, /networkError of the script/],
    [{ headers: { a: 1 } }, /headers of the script is an object; expected an object of header/],
    [{ body: 1n }, /body of the script is a bigint/],
    [[{ status: 99 }, { delya: 1 }], /status of step \[0\] is 99.*step \[1\] has a member "delya"/],
  ])('is told at once: %o', (script, message) => {
    const server = createTestServer();
    const upstream = server.upstream(URL);
    const calls = [
      () => Reflect.apply(Reflect.get(server, 'upstream'), server, [URL, script]),
      () => Reflect.apply(Reflect.get(server, 'webhook'), server, [URL, script]),
      () => Reflect.apply(Reflect.get(upstream, 'script'), upstream, [script]),
    ];
    for (const call of calls) {
      expect(call).toThrow(message);
      expect(call).toThrow(expect.objectContaining({ code: 'invalid_script' }));
    }
  });

  test('fails the test where time is moved when a function gives it', async () => {
    const server = createTestServer();
    server.upstream(URL, () => JSON.parse('{"stauts":500}'));
    await server.client().submitJob({ url: URL });
    await expect(server.settle()).rejects.toThrow(/the answer of the script has a member "stauts"/);
  });

  test('is none that tells everything that there is', () => {
    const server = createTestServer();
    const headers = { 'x-a': 'b' };
    server.upstream(URL, [{ status: 500, headers, body: { a: 1 }, delay: '1s' }, () => 200]);
    server.upstream(URL, { networkError: true });
    server.upstream(URL, { hang: true });
    expect(server.calls).toEqual([]);
  });
});

describe('a signed request that cannot be meant so', () => {
  test.each<[object, RegExp]>([
    [{ jobid: 'x' }, /jobid is no field of a delivery; expected some of delivery_id, .*job_id/],
    [{ status: 'nope' }, /status of the delivery is wrong; expected 'success' or 'failed'/],
    [{ tags: 'a', attempt: '1' }, /tags .* expected a list\. attempt .* expected a number/],
    [{ metadata: null }, /metadata .* expected an object/],
    [{ schemes: ['zz'] }, /schemes has "zz"; expected a list of ezthrottle, standard-webhooks/],
    [{ schemes: 'l8' }, /schemes has no list/],
  ])('is told at once: %j', (options, message) => {
    const make = (): unknown => Reflect.apply(signedRequest, null, [options]);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_delivery' }));
  });
});
