import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { liveRoute, readyRoute } from '../../src/api/health.ts';
import { systemClock } from '../../src/clock.ts';
import { readArguments } from '../../src/cli/arguments.ts';
import { type ConfigReading, readSettings } from '../../src/config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { objectOf } from '../running-server.ts';
import { at, deployFile, listAt, manifestOf } from './files.ts';

const SECRETS: Readonly<Record<string, string>> = {
  'database-url': 'postgres://worker:password@postgres:5432/ezthrottle',
  'database-listen-url': 'postgres://worker:password@postgres:5432/ezthrottle',
  'migrate-database-url': 'postgres://owner:password@postgres:5432/ezthrottle',
  'api-key': 'a-key-of-16-characters',
  'master-key': Buffer.alloc(32, 1).toString('base64'),
  'signing-secret': `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
};
/** What Compose would put in. */
const VARIABLES: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'password',
  EZTHROTTLE_API_KEY: SECRETS['api-key'] ?? '',
  EZTHROTTLE_MASTER_KEY: SECRETS['master-key'] ?? '',
  EZTHROTTLE_SIGNING_SECRET: SECRETS['signing-secret'] ?? '',
};
const NAMES: ReadonlySet<string> = new Set(
  Object.values(SETTINGS).map(({ environment }) => environment),
);
const PRE_STOP_MS = 5_000;

/** The longest that a stop takes: each of its steps has the whole time. */
function stopBoundMs({ config }: ConfigReading): number {
  return 3 * config.stopTimeoutMs + 2_000;
}

const container = at(manifestOf('Deployment'), 'spec', 'template', 'spec', 'containers', 0);
const migrating = at(manifestOf('Job'), 'spec', 'template', 'spec', 'containers', 0);
const compose = objectOf(parse(deployFile('compose.yaml'), { merge: true }));

function kubernetesEnvironment(from: unknown): Record<string, string> {
  return Object.fromEntries(
    listAt(from, 'env').map((entry) => {
      const { name, value, valueFrom } = objectOf(entry);
      if (typeof value === 'string') return [name, value.replace('$(POD_IP)', '10.0.0.1')];
      const key = at(valueFrom, 'secretKeyRef') ?? null;
      return [name, key === null ? '10.0.0.1' : SECRETS[String(objectOf(key)['key'])]];
    }),
  );
}

function composeEnvironment(service: string): Record<string, string> {
  const environment = objectOf(at(compose, 'services', service, 'environment'));
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/\$\{(\w+)[^}]*\}/g, (_, variable) => VARIABLES[variable] ?? '?'),
    ]),
  );
}

describe.each([
  ['the Deployment', kubernetesEnvironment(container), listAt(container, 'args')],
  ['the nodes of Compose', composeEnvironment('node'), ['start']],
])('%s', (_, environment, args) => {
  const reading = readSettings('start', { environment });

  test('names settings that there are, with values that they take', () => {
    const names = Object.keys(environment).filter((name) => name !== 'POD_IP');
    expect(names.filter((name) => !NAMES.has(name))).toEqual([]);
    expect(reading.problems).toEqual([]);
    expect(reading.origins.size).toBe(names.length);
    expect(readArguments(args.map(String))).toMatchObject({
      ok: true,
      line: { command: 'start' },
    });
  });

  test('leaves the tables to the migrations', () => {
    expect(reading.config.migrate).toBe(false);
    expect(reading.config.host).toBe('0.0.0.0');
    expect(reading.config.port).toBe(8_080);
  });
});

describe('a Service that is named as settings begin', () => {
  test.each(['Deployment', 'Job'])('says nothing in the environment of a %s', (kind) => {
    expect(at(manifestOf(kind), 'spec', 'template', 'spec', 'enableServiceLinks')).toBe(false);
  });
});

describe('migrations', () => {
  test('are applied by the command for it, with an address and nothing else', () => {
    expect(listAt(migrating, 'args')).toEqual(['migrate']);
    expect(Object.keys(kubernetesEnvironment(migrating))).toEqual(['DATABASE_URL']);
    expect(listAt(compose, 'services', 'migrate', 'command')).toEqual(['migrate']);
    expect(Object.keys(composeEnvironment('migrate'))).toEqual(['DATABASE_URL']);
    expect(at(compose, 'services', 'node', 'depends_on', 'migrate')).toEqual({
      condition: 'service_completed_successfully',
    });
  });
});

describe('a stop', () => {
  test('has more time than the server takes for it', () => {
    const ofDeployment = readSettings('start', { environment: kubernetesEnvironment(container) });
    const pod = at(manifestOf('Deployment'), 'spec', 'template', 'spec');
    const graceMs = 1_000 * Number(at(pod, 'terminationGracePeriodSeconds'));
    expect(at(container, 'lifecycle', 'preStop', 'sleep', 'seconds')).toBe(PRE_STOP_MS / 1_000);
    expect(graceMs).toBeGreaterThan(PRE_STOP_MS + stopBoundMs(ofDeployment));
    const ofCompose = readSettings('start', { environment: composeEnvironment('node') });
    expect(at(compose, 'services', 'node', 'stop_grace_period')).toBe('90s');
    expect(90_000).toBeGreaterThan(stopBoundMs(ofCompose));
  });

  test('of a node that is waited for is as long as the program says', () => {
    const program = readFileSync(new URL('../../src/cli/run-server.ts', import.meta.url), 'utf8');
    expect(program).toContain('boundMs: 3 * config.stopTimeoutMs + 2_000');
  });

  test('comes after a new node is ready, and one at a time', () => {
    expect(at(manifestOf('Deployment'), 'spec', 'strategy')).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
    expect(at(manifestOf('PodDisruptionBudget'), 'spec', 'maxUnavailable')).toBe(1);
  });
});

describe('probes', () => {
  const ready = readyRoute({
    clock: systemClock,
    isStopping: () => false,
    readStore: () => Promise.resolve(),
  }).path;
  const live = liveRoute().path;

  test('ask for pages that there are', () => {
    expect(at(container, 'startupProbe', 'httpGet', 'path')).toBe(ready);
    expect(at(container, 'readinessProbe', 'httpGet', 'path')).toBe(ready);
    expect(at(container, 'livenessProbe', 'httpGet', 'path')).toBe(live);
    const question = (path: string): string => `fetch('http://127.0.0.1:8080${path}')`;
    expect(String(listAt(compose, 'services', 'node', 'healthcheck', 'test').at(-1))).toContain(
      question(ready),
    );
    expect(deployFile('Dockerfile')).toContain(question(live));
  });
});

describe('secrets', () => {
  test('are named as the example has them, and only the Job is given the owner', () => {
    const example = Object.keys(objectOf(at(manifestOf('Secret'), 'stringData')));
    expect(example.toSorted()).toEqual(Object.keys(SECRETS).toSorted());
    const keysOf = (from: unknown): readonly unknown[] =>
      listAt(from, 'env').flatMap((entry) => at(entry, 'valueFrom', 'secretKeyRef', 'key') ?? []);
    expect(keysOf(migrating)).toEqual(['migrate-database-url']);
    expect(keysOf(container)).not.toContain('migrate-database-url');
  });

  test('that were left as in the example are refused', () => {
    const example = objectOf(at(manifestOf('Secret'), 'stringData'));
    const { problems } = readSettings('start', {
      environment: {
        DATABASE_URL: String(example['database-url']),
        EZTHROTTLE_API_KEY: String(example['api-key']),
        EZTHROTTLE_MASTER_KEY: String(example['master-key']),
        EZTHROTTLE_SIGNING_SECRET: String(example['signing-secret']),
      },
    });
    expect(problems.map(({ where }) => where)).toEqual([
      'EZTHROTTLE_API_KEY',
      'EZTHROTTLE_MASTER_KEY',
      'EZTHROTTLE_SIGNING_SECRET',
    ]);
  });
});

describe('a node', () => {
  test('is nobody special, writes nowhere, and is no stronger than it has to be', () => {
    for (const kind of ['Deployment', 'Job']) {
      const pod = at(manifestOf(kind), 'spec', 'template', 'spec');
      expect(objectOf(at(pod, 'securityContext'))).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1_000,
      });
      expect(at(pod, 'automountServiceAccountToken')).toBe(false);
      expect(at(pod, 'containers', 0, 'securityContext')).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(at(pod, 'containers', 0, 'resources', 'requests', 'memory')).toBeDefined();
    }
  });

  test('is found by those that look for it', () => {
    const labels = at(manifestOf('Deployment'), 'spec', 'template', 'metadata', 'labels');
    expect(at(manifestOf('Deployment'), 'spec', 'selector', 'matchLabels')).toEqual(labels);
    expect(at(manifestOf('Service'), 'spec', 'selector')).toEqual(labels);
    expect(at(manifestOf('PodDisruptionBudget'), 'spec', 'selector', 'matchLabels')).toEqual(
      labels,
    );
    expect(at(manifestOf('NetworkPolicy'), 'spec', 'podSelector', 'matchLabels')).toEqual(labels);
    // Its pods are no nodes, and get no requests.
    expect(at(manifestOf('Job'), 'spec', 'template', 'metadata', 'labels')).not.toEqual(labels);
  });

  test('reaches no metadata of its machine', () => {
    const egress = listAt(manifestOf('NetworkPolicy'), 'spec', 'egress');
    const worlds = egress.flatMap((rule) => listAt(rule, 'to')).map((to) => at(to, 'ipBlock'));
    const blocks = worlds.filter((block) => block !== undefined).map((block) => objectOf(block));
    expect(blocks.map(({ cidr }) => cidr)).toEqual(['0.0.0.0/0', '::/0']);
    expect(listAt(blocks[0], 'except')).toContain('169.254.0.0/16');
    expect(listAt(blocks[1], 'except')).toEqual(['fc00::/7', 'fe80::/10']);
  });

  test('is started in an image by its own program, without a shell, as nobody special', () => {
    const lines = deployFile('Dockerfile').split('\n');
    const manifest = objectOf(
      JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
    );
    const program = String(at(manifest, 'bin', 'ezthrottle'));
    expect(lines).toContain(
      `ENTRYPOINT ["node", "/app/node_modules/${String(manifest['name'])}/${program}"]`,
    );
    expect(lines).toContain('CMD ["start"]');
    expect(lines).toContain('USER 1000:1000');
    expect(lines.filter((line) => line.startsWith('FROM '))).toEqual([
      'FROM node:24-slim AS install',
      'FROM node:24-slim',
    ]);
  });
});
