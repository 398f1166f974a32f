import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openConnection } from '../src/store/sqlite/connection.ts';
import { objectOf, request, textOf } from './running-server.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

interface Command {
  readonly process: ChildProcess;
  /** Everything written so far. */
  readonly output: { out: string; err: string };
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** The first line of standard output, as JSON. */
  ready(): Promise<Record<string, unknown>>;
}

let folder: string;
let commands: Command[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-cli-'));
  commands = [];
});

afterEach(async () => {
  for (const command of commands) {
    command.process.kill('SIGKILL');
    await command.ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function run(argv: readonly string[], environment: Record<string, string> = {}): Command {
  const child = spawn(process.execPath, ['--conditions=@ezthrottle/source', MAIN, ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    output.out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output.err += String(chunk);
  });
  const lines = createInterface(child.stdout);
  const firstLine = Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    once(child, 'close').then(() => Promise.reject(new Error(`ended early: ${output.err}`))),
  ]);
  firstLine.catch(() => undefined);
  const command: Command = {
    process: child,
    output,
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    ready: async () => objectOf(JSON.parse(await firstLine)),
  };
  commands.push(command);
  return command;
}

const DEV = ['dev', '--port', '0', '--json'] as const;

function bearer(ready: Record<string, unknown>): { readonly authorization: string } {
  return { authorization: `Bearer ${textOf(ready['apiKey'])}` };
}

describe('ezthrottle dev', () => {
  test('writes one line of JSON on stdout and nothing else, ever', async () => {
    const dev = run(DEV);
    const ready = await dev.ready();
    expect(ready).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      apiKey: expect.stringMatching(/^ezt_dev_[\w-]{43}$/),
      signingSecret: expect.stringMatching(/^whsec_[A-Za-z\d+/]{43}=$/),
      dataDir: expect.stringMatching(/\.ezthrottle$/),
      pid: dev.process.pid,
    });
    const url = textOf(ready['url']);
    const job = { url: `${url}/health` };
    expect((await request(`${url}/api/v1/jobs`, 'POST', job, bearer(ready))).status).toBe(201);
    dev.process.kill('SIGTERM');
    expect(await dev.ended).toEqual({ code: 0, signal: null });
    expect(dev.output.out.trimEnd().split('\n')).toHaveLength(1);
  });

  test('keeps key, secret and jobs over a restart, also after a kill', async () => {
    const first = run(DEV);
    const before = await first.ready();
    const job = { url: 'http://127.0.0.1:9/', retry_at: Date.now() + 3_600_000 };
    const jobs = `${textOf(before['url'])}/api/v1/jobs`;
    const { job_id: id } = (await request(jobs, 'POST', job, bearer(before))).json;
    first.process.kill('SIGKILL');
    await first.ended;
    const after = await run(DEV).ready();
    expect(after).toMatchObject({
      apiKey: before['apiKey'],
      signingSecret: before['signingSecret'],
    });
    const url = `${textOf(after['url'])}/api/v1/jobs/${textOf(id)}`;
    expect((await request(url, 'GET', undefined, bearer(after))).json).toMatchObject({
      job_id: id,
      state: 'scheduled',
    });
    const data = join(folder, '.ezthrottle');
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'dev.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(data, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test('takes the key it is given, and the one before opens nothing until it is given again', async () => {
    const known: Record<string, unknown>[] = [];
    const answers: (readonly number[])[] = [];
    for (const argv of [
      [],
      ['--api-key', 'a-key-of-my-own'],
      ['--api-key', 'another-key'],
      [],
      ['--api-key', 'a-key-of-my-own'],
    ]) {
      const dev = run([...DEV, ...argv]);
      const ready = await dev.ready();
      const jobs = `${textOf(ready['url'])}/api/v1/jobs`;
      if (!known.some(({ apiKey }) => apiKey === ready['apiKey'])) known.push(ready);
      const replies = known.map((one) => request(jobs, 'GET', undefined, bearer(one)));
      answers.push((await Promise.all(replies)).map(({ status }) => status));
      dev.process.kill('SIGTERM');
      await dev.ended;
    }
    expect(answers).toEqual([[200], [401, 200], [401, 401, 200], [401, 401, 200], [401, 200, 401]]);
  });

  test('starts again when its file of keys is gone, with new keys', async () => {
    const first = run(DEV);
    const before = await first.ready();
    first.process.kill('SIGTERM');
    await first.ended;
    rmSync(join(folder, '.ezthrottle', 'dev.json'));
    const after = await run(DEV).ready();
    expect(after['apiKey']).not.toBe(before['apiKey']);
    expect(after['signingSecret']).not.toBe(before['signingSecret']);
  });

  test('tells people where it listens, with a curl line that works', async () => {
    const dev = run(['dev', '--port', '0', '--data-dir', 'data']);
    await Promise.race([
      new Promise<void>((resolve) => {
        dev.process.stdout?.on('data', () => {
          if (dev.output.out.includes('/health"}')) resolve();
        });
      }),
      dev.ended,
    ]);
    const curl = /curl -s [\s\S]*?'\{[^']*\}'/.exec(dev.output.out)?.[0] ?? '';
    const shell = spawn('sh', ['-c', curl], { stdio: ['ignore', 'pipe', 'inherit'] });
    let answer = '';
    shell.stdout.on('data', (chunk) => {
      answer += String(chunk);
    });
    await once(shell, 'close');
    expect(JSON.parse(answer)).toMatchObject({ job_id: expect.any(String), status: 'queued' });
    expect(dev.output.out).toContain('whsec_');
  });

  test('does not share its folder with a second server', async () => {
    await run(DEV).ready();
    const second = run(DEV);
    expect((await second.ended).code).toBe(1);
    expect(second.output.err).toContain('another server is using');
    expect(second.output.out).toBe('');
  });

  test('says so when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const dev = run(['dev', '--json', '--port', port]);
    expect((await dev.ended).code).toBe(1);
    expect(dev.output.err).toContain(`port ${port} on 127.0.0.1 is in use`);
    other.close();
  });

  test('ends when it can no longer write, and says 503 to whom it could not keep a job for', async () => {
    const dev = run(DEV);
    const ready = await dev.ready();
    // Whoever holds the file makes every write fail, once SQLite has waited long enough.
    const holder = openConnection({ file: join(folder, '.ezthrottle', 'ezthrottle.db') });
    holder.execute('BEGIN IMMEDIATE');
    const url = `${textOf(ready['url'])}/api/v1/jobs`;
    const answer = request(url, 'POST', { url: 'http://127.0.0.1:9/' }, bearer(ready));
    expect(await answer).toMatchObject({ status: 503 });
    holder.close();
    expect((await dev.ended).code).toBe(1);
    expect(dev.output.err).toContain('the store failed');
  });

  test('ends at once at a second signal', async () => {
    const target = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const address = target.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const dev = run([...DEV, '--stop-timeout', '10m']);
    const ready = await dev.ready();
    const connected = once(target, 'connection');
    const job = { url: `http://127.0.0.1:${port}/` };
    await request(`${textOf(ready['url'])}/api/v1/jobs`, 'POST', job, bearer(ready));
    const [socket] = await connected;
    dev.process.kill('SIGINT');
    await expect
      .poll(() =>
        request(`${textOf(ready['url'])}/health`, 'GET').then(
          () => 'up',
          () => 'down',
        ),
      )
      .toBe('down');
    dev.process.kill('SIGINT');
    expect(await dev.ended).toEqual({ code: 130, signal: null });
    socket.destroy();
    target.close();
  });
});

describe('ezthrottle start', () => {
  const environment = {
    EZTHROTTLE_DATA_DIR: 'data',
    EZTHROTTLE_API_KEY: 'production-key-of-the-operator',
    EZTHROTTLE_MASTER_KEY: Buffer.alloc(32, 3).toString('base64'),
    EZTHROTTLE_SIGNING_SECRET: `whsec_${Buffer.alloc(32, 4).toString('base64')}`,
  };

  test('runs with what it is told, and writes no secret down or out', async () => {
    const started = run(['start', '--port', '0', '--host', '127.0.0.1', '--json'], environment);
    const ready = await started.ready();
    expect(Object.keys(ready)).toEqual(['url', 'dataDir', 'pid']);
    const headers = { authorization: `Bearer ${environment.EZTHROTTLE_API_KEY}` };
    const url = `${textOf(ready['url'])}/api/v1/webhook-secrets`;
    expect((await request(url, 'GET', undefined, headers)).status).toBe(200);
    started.process.kill('SIGTERM');
    expect((await started.ended).code).toBe(0);
    const files = readdirSync(join(folder, 'data')).map((name) => join(folder, 'data', name));
    const stored = files.map((file) => readFileSync(file, 'latin1')).join('');
    expect(stored).toContain('SQLite format 3');
    const { EZTHROTTLE_DATA_DIR: _folder, ...secrets } = environment;
    for (const secret of Object.values(secrets)) {
      expect(stored).not.toContain(secret);
      expect(started.output.out + started.output.err).not.toContain(secret);
    }
  });

  test('does not start over secrets that another master key has sealed', async () => {
    const argv = ['start', '--port', '0', '--host', '127.0.0.1', '--json'];
    const first = run(argv, environment);
    await first.ready();
    first.process.kill('SIGTERM');
    await first.ended;
    const other = { ...environment, EZTHROTTLE_MASTER_KEY: Buffer.alloc(32, 5).toString('base64') };
    const second = run(argv, other);
    expect((await second.ended).code).toBe(1);
    expect(second.output.err).toContain('master key');
  });
});

describe('ezthrottle config', () => {
  test('shows what is in force and where it comes from, without a secret', async () => {
    writeFileSync(join(folder, 'settings.json'), JSON.stringify({ maxStreams: 7, port: 1 }));
    const argv = ['config', 'dev', '--config', 'settings.json', '--port', '9000'];
    const environment = { EZTHROTTLE_API_KEY: 'a-key-of-my-own', EZTHROTTLE_LOG_LEVEL: 'debug' };
    const asJson = run([...argv, '--json'], environment);
    expect((await asJson.ended).code).toBe(0);
    expect(JSON.parse(asJson.output.out)).toMatchObject({
      profile: 'dev',
      settings: {
        port: { value: 9000, from: '--port' },
        maxStreams: { value: 7, from: 'settings.json: maxStreams' },
        logLevel: { value: 'debug', from: 'EZTHROTTLE_LOG_LEVEL' },
        apiKey: { value: '(set, not shown)', from: 'EZTHROTTLE_API_KEY' },
        host: { value: '127.0.0.1', from: 'default' },
      },
    });
    const asText = run(argv, environment);
    await asText.ended;
    expect(asText.output.out).toMatch(/^port +9000 +--port$/m);
    expect(asText.output.out).toMatch(/^maxStreams +7 +settings\.json: maxStreams$/m);
    expect(asText.output.out + asJson.output.out).not.toContain('a-key-of-my-own');
    expect(readdirSync(folder)).toEqual(['settings.json']);
  });

  test('names what flags, environment and file have wrong, at once, and warns of variables', async () => {
    writeFileSync(join(folder, 'c.json'), '{"colour":1}');
    const argv = ['config', 'dev', '--config', 'c.json', '--prot', '1'];
    const { ended, output } = run(argv, { EZTHROTTLE_RETENTION: 'long' });
    expect((await ended).code).toBe(2);
    for (const place of ['--prot', 'EZTHROTTLE_RETENTION', 'c.json: colour']) {
      expect(output.err).toContain(place);
    }
    const warned = run(['config', 'dev'], { EZTHROTTLE_PROT: 'secret' });
    expect((await warned.ended).code).toBe(0);
    expect(warned.output.err).toBe(
      'ezthrottle: warning: EZTHROTTLE_PROT is not a setting and has no effect\n',
    );
  });

  test('names files that are not there in what the doctor finds', async () => {
    const { ended, output } = run(
      'doctor --data-dir . --json --hooks ./none.mjs --recording ./none/x.jsonl'.split(' '),
    );
    expect((await ended).code).toBe(1);
    const { findings } = objectOf(JSON.parse(output.out));
    const of = (flag: string): object =>
      expect.objectContaining({
        check: 'config',
        status: 'fail',
        message: expect.stringContaining(flag),
      });
    expect(findings).toEqual(
      expect.arrayContaining([of('--hooks cannot be loaded'), of('--recording cannot be written')]),
    );
  });

  test.each([['config', 'dev'], ['dev']])(
    'names files that are not there beside all else that is wrong: ezthrottle %s %s',
    async (...command) => {
      const argv = command.filter((word) => typeof word === 'string');
      const flags = [
        '--hooks',
        './none.mjs',
        '--recording',
        './none/x.jsonl',
        '--max-streams',
        'x',
      ];
      const { ended, output } = run([...argv, ...flags]);
      expect((await ended).code).toBe(2);
      expect(output.err).toContain('--hooks cannot be loaded');
      expect(output.err).toContain('--recording cannot be written');
      expect(output.err).toContain('--max-streams');
    },
  );

  test('names all that start would refuse', async () => {
    const wrong = run(['config', '--port', 'x']);
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.output.out).toMatch(/^port +8080 +default$/m);
    for (const named of ['--port', '--data-dir', '--api-key', '--master-key']) {
      expect(wrong.output.err).toContain(named);
    }
  });
});

describe('SIGHUP', () => {
  test('takes over the pace of a destination for jobs that wait already', async () => {
    let calls = 0;
    const target = createHttpServer((_request, response) => {
      calls += 1;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const address = target.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const settings = join(folder, 'settings.json');
    const write = (content: object): void => writeFileSync(settings, JSON.stringify(content));
    // One call now, the next in a quarter of an hour.
    write({ rates: { [origin]: 0.001 } });
    const dev = run([...DEV, '--config', 'settings.json']);
    const ready = await dev.ready();
    const url = `${textOf(ready['url'])}/api/v1/jobs`;
    for (const index of [1, 2, 3]) {
      await request(url, 'POST', { url: `${origin}/${index}` }, bearer(ready));
    }
    await expect.poll(() => calls).toBe(1);
    write({ rates: { [origin]: 'fast' } });
    dev.process.kill('SIGHUP');
    await expect.poll(() => dev.output.err).toContain('configuration left as it is');
    expect(calls).toBe(1);
    write({ rates: { [origin]: 1_000 }, maxStreams: 5 });
    dev.process.kill('SIGHUP');
    await expect.poll(() => calls).toBe(3);
    expect(dev.output.err).toContain('in force at the next start: maxStreams');
    target.close();
  });
});

describe('a command line that is wrong', () => {
  test('ends with code 2 and names every problem', async () => {
    const wrong = run(['dev', '--colour', '--port', 'x']);
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.output.err).toContain('--colour');
    const alsoWrong = run(['start', '--port', 'x']);
    expect((await alsoWrong.ended).code).toBe(2);
    for (const named of ['--port', '--data-dir', '--api-key', '--master-key']) {
      expect(alsoWrong.output.err).toContain(named);
    }
    writeFileSync(join(folder, 'settings.json'), '{');
    const noJson = run(['dev', '--config', 'settings.json']);
    expect((await noJson.ended).code).toBe(2);
    expect(noJson.output.err).toContain('settings.json is not JSON');
  });
});

describe('help and version', () => {
  test('are shown on stdout', async () => {
    const help = run(['help']);
    expect((await help.ended).code).toBe(0);
    expect(help.output.out).toContain('--allow-private-targets');
    const version = run(['--version']);
    expect((await version.ended).code).toBe(0);
    expect(version.output.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
