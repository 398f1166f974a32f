import { describe, expect, test } from 'vitest';
import { readConfig, unknownVariables } from './config.ts';
import { ConfigError } from './config/config-error.ts';

function problemsOf(action: () => unknown): readonly { readonly where: string }[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  test('of dev needs nothing: it listens on this machine only and lets jobs call it', () => {
    const config = readConfig('dev', {});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      dataDir: '.ezthrottle',
      apiKey: null,
      allowLoopbackTargets: true,
      allowPrivateTargets: false,
      regions: 'any',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('of start lets no job call this machine and must be told folder and keys', () => {
    const problems = problemsOf(() => readConfig('start', {}));
    expect(problems.map(({ where }) => where)).toEqual(['--data-dir', '--api-key', '--master-key']);
    const config = readConfig('start', {
      environment: {
        EZTHROTTLE_DATA_DIR: '/data',
        EZTHROTTLE_API_KEY: 'k'.repeat(16),
        EZTHROTTLE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
      },
    });
    expect(config.allowLoopbackTargets).toBe(false);
  });

  test('takes a flag before the environment, that before the file, that before the default', () => {
    const file = { path: 'c.json', content: { port: 3, host: '10.0.0.3', maxStreams: 3 } };
    const environment = { EZTHROTTLE_PORT: '2', EZTHROTTLE_HOST: '10.0.0.2' };
    const config = readConfig('dev', { flags: { port: '1' }, environment, file });
    expect([config.port, config.host, config.maxStreams]).toEqual([1, '10.0.0.2', 3]);
  });

  test('tells every problem at once, and where each came from', () => {
    const problems = problemsOf(() =>
      readConfig('dev', {
        flags: { port: '70000', rate: ['example.com=1'] },
        environment: { EZTHROTTLE_RETENTION: 'long' },
        file: { path: 'c.json', content: { logLevel: 'loud', colour: 1 } },
      }),
    );
    expect(problems.map(({ where }) => where).toSorted()).toEqual([
      '--port',
      '--rate',
      'EZTHROTTLE_RETENTION',
      'c.json: colour',
      'c.json: logLevel',
    ]);
  });

  test('never repeats a secret in a complaint', () => {
    const secret = 'short secret';
    const flags = { 'api-key': secret, 'master-key': secret, 'signing-secret': secret };
    expect(() => readConfig('dev', { flags })).toThrow(ConfigError);
    try {
      readConfig('dev', { flags });
    } catch (error) {
      expect(String(error)).not.toContain(secret);
    }
  });

  test('never repeats the user name and password of an address in a complaint', () => {
    const address = 'https://user:passw0rd@target.example';
    const long = `https://user:passw0rd${'x'.repeat(80)}@target.example`;
    const flags = { 'otlp-endpoint': address, rate: [`${address}=1`], cap: [long] };
    const file = { path: 'c.json', content: { [address]: 1, hooks: { a: address } } };
    const told = JSON.stringify(problemsOf(() => readConfig('dev', { flags, file })));
    expect(told).not.toContain('passw0rd');
    expect(told).toContain('https://***@target.example');
  });

  test.each(['?key=passw0rd', '#passw0rd', '?a=1&b=passw0rd,x#y'])(
    'never repeats what stands behind the path of an address: %s',
    (end) => {
      const flags = { 'otlp-endpoint': `http://u:x@host:1/traces${end}` };
      const told = JSON.stringify(problemsOf(() => readConfig('dev', { flags })));
      expect(told).not.toContain('passw0rd');
      expect(told).toContain('http://***@host:1/traces');
    },
  );

  test('names every origin that is wrong', () => {
    const rate = ['a.example=1', 'https://right.example=1', 'https://c.example=fast'];
    const [problem] = problemsOf(() => readConfig('dev', { flags: { rate } }));
    expect(problem).toMatchObject({
      expected: expect.stringContaining('(wrong: "a.example", "https://c.example")'),
    });
  });

  test('knows which variables with its prefix are none of its settings', () => {
    const environment = {
      EZTHROTTLE_PRT: '1',
      EZTHROTTLE_PORT: '1',
      EZTHROTTLE_URL: 'u',
      PATH: '',
    };
    expect(unknownVariables({ ...environment, EZTHROTTLE_API_KEY_FILE: 'f' })).toEqual([
      'EZTHROTTLE_PRT',
    ]);
  });

  test('leaves out what Kubernetes says of a Service named as it is', () => {
    const environment = {
      EZTHROTTLE_HOST: '0.0.0.0',
      EZTHROTTLE_PORT: 'tcp://10.96.0.17:80',
      EZTHROTTLE_PORT_80_TCP: 'tcp://10.96.0.17:80',
      EZTHROTTLE_PORT_80_TCP_PROTO: 'tcp',
      EZTHROTTLE_PORT_80_TCP_PORT: '80',
      EZTHROTTLE_PORT_80_TCP_ADDR: '10.96.0.17',
      EZTHROTTLE_SERVICE_HOST: '10.96.0.17',
      EZTHROTTLE_SERVICE_PORT: '80',
      EZTHROTTLE_SERVICE_PORT_HTTP: '80',
      EZTHROTTLE_NODES_SERVICE_HOST: '10.96.0.18',
      EZTHROTTLE_NODES_PORT: 'tcp://10.96.0.18:8080',
    };
    expect(readConfig('dev', { environment })).toMatchObject({ host: '0.0.0.0', port: 8_080 });
    expect(unknownVariables(environment)).toEqual([]);
    const wrong = { EZTHROTTLE_PORT: 'http://10.96.0.17' };
    expect(problemsOf(() => readConfig('dev', { environment: wrong }))).toHaveLength(1);
  });

  test('takes a short API key for development only', () => {
    const flags = { 'api-key': 'test' };
    expect(readConfig('dev', { flags }).apiKey).toBe('test');
    expect(problemsOf(() => readConfig('start', { flags })).map(({ where }) => where)).toContain(
      '--api-key',
    );
  });

  test('reads a secret from the file that a variable names', () => {
    const config = readConfig('dev', {
      environment: { EZTHROTTLE_API_KEY_FILE: '/run/secrets/key' },
      readSecretFile: (path) => (path === '/run/secrets/key' ? 'a-key-of-sixteen\n' : ''),
    });
    expect(config.apiKey).toBe('a-key-of-sixteen');
  });

  test('reads rates by origin, from flags as from the file', () => {
    const flags = { rate: ['https://a.example=10', 'https://b.example:8443=0.5'] };
    expect(readConfig('dev', { flags }).rates).toMatchObject({
      'https://a.example': { requestsPerSecond: 10, allowRaise: false },
      'https://b.example:8443': { requestsPerSecond: 0.5 },
    });
    const content = { rates: { 'https://a.example': { requestsPerSecond: 3, concurrency: 2 } } };
    expect(readConfig('dev', { file: { path: 'c.json', content } }).rates).toMatchObject({
      'https://a.example': { requestsPerSecond: 3, concurrency: 2, burst: null },
    });
  });

  test('reads regions with their ways out, from flags as from the file', () => {
    const flags = { region: ['iad,lax=10.0.0.5', 'fra=http://ann:p%40ss@proxy.example:3128'] };
    expect(readConfig('dev', { flags }).regions).toEqual([
      { name: 'iad', egress: { kind: 'direct' } },
      { name: 'lax', egress: { kind: 'local_address', address: '10.0.0.5' } },
      {
        name: 'fra',
        egress: {
          kind: 'proxy',
          origin: 'http://proxy.example:3128',
          authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
          resolves: 'server',
        },
      },
    ]);
    const regions = {
      iad: 'direct',
      lax: { localAddress: '2001:db8::5' },
      fra: { proxy: 'https://proxy.example', resolve: 'proxy' },
    };
    expect(readConfig('dev', { file: { path: 'c.json', content: { regions } } }).regions).toEqual([
      { name: 'iad', egress: { kind: 'direct' } },
      { name: 'lax', egress: { kind: 'local_address', address: '2001:db8::5' } },
      {
        name: 'fra',
        egress: {
          kind: 'proxy',
          origin: 'https://proxy.example',
          authorization: null,
          resolves: 'proxy',
        },
      },
    ]);
    expect(readConfig('dev', { flags: { region: ['any'] } }).regions).toBe('any');
  });

  test('names each region that cannot be meant, and none of its passwords', () => {
    const wrong = 'a=ftp://u:secret@h,b=http://u:secret@h/path,=http://u:secret@h,c=10.0.0.300,d,d';
    try {
      readConfig('dev', { environment: { EZTHROTTLE_REGIONS: wrong } });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain('EZTHROTTLE_REGIONS has a wrong value; expected any, or');
      expect(String(error)).toContain('(wrong: a, b, number 3, c, d)');
      expect(String(error)).not.toContain('secret');
    }
  });

  test.each([
    [{ proxy: 'http://h', localAddress: '10.0.0.1' }],
    [{ proxy: 'http://h', resolve: 'both' }],
    [{ localAddress: '10.0.0.1', resolve: 'proxy' }],
    [{ proxy: 'http://h', colour: 1 }],
    [{}],
    [7],
  ])('does not take %j for a way out', (fra) => {
    const file = { path: 'c.json', content: { regions: { fra } } };
    expect(problemsOf(() => readConfig('dev', { file }))).toMatchObject([
      { where: 'c.json: regions' },
    ]);
  });

  test('reads when a destination is taken for down', () => {
    const flags = { 'circuit-failures': '0', 'circuit-open': '2s', 'circuit-max-open': '1m' };
    const config = readConfig('dev', { flags });
    expect(config).toMatchObject({
      circuitFailures: 0,
      circuitWindowMs: 1_000,
      circuitOpenMs: 2_000,
      circuitMaxOpenMs: 60_000,
      circuitRampMs: 10_000,
    });
  });

  test('reads durations with units', () => {
    const flags = { retention: '2d', 'delivery-delays': '0s,1500,5m' };
    const config = readConfig('dev', { flags });
    expect(config.retentionMs).toBe(172_800_000);
    expect(config.deliveryDelaysMs).toEqual([0, 1_500, 300_000]);
  });
});
