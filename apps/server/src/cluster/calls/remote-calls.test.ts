import { randomBytes, randomUUID } from 'node:crypto';
import { executorSuite } from '@ezthrottle/testkit/executor-suite';
import type { Executor } from '@ezthrottle/engine';
import { createHttpServer, type HttpServer } from '../../api/http-server.ts';
import { systemClock } from '../../clock.ts';
import { createUndiciExecutor } from '../../execute/undici-executor.ts';
import { createAddressPolicy } from '../../net/address-policy.ts';
import { createSecretBox } from '../../tenancy/secret-box.ts';
import { createCallsSurface } from './calls-surface.ts';
import { createNodeEnvelope } from './node-envelope.ts';
import { createRemoteCalls } from './remote-calls.ts';

const box = createSecretBox(randomBytes(32).toString('base64'));
const now = (): number => Date.now();

/** An executor whose calls another node makes, over real HTTP. */
function elsewhere(allowPrivate: boolean): Executor {
  const [self, other] = [randomUUID(), randomUUID()];
  const executor = createUndiciExecutor({
    clock: systemClock,
    policy: createAddressPolicy({ allowPrivate }),
  });
  const envelope = createNodeEnvelope({ box, self: other, now });
  const listening = listen(createCallsSurface({ envelope, executor, clock: systemClock }));
  let url = '';
  void listening.then((opened) => {
    url = opened.url;
  });
  const remote = createRemoteCalls({
    self,
    clock: systemClock,
    envelope: createNodeEnvelope({ box, self, now }),
    peersIn: () => [{ node: other, url }],
    random: Math.random,
  });
  return {
    run(calls) {
      void listening.then(() => remote.run(calls));
    },
    abort(tokens) {
      void listening.then(() => remote.abort(tokens));
    },
    onSent: (listener) => remote.onSent(listener),
    onReports: (listener) => remote.onReports(listener),
    async close() {
      const { server } = await listening;
      await remote.close();
      await server.close();
      await executor.close();
    },
  };
}

async function listen(
  surface: ReturnType<typeof createCallsSurface>,
): Promise<{ readonly server: HttpServer; readonly url: string }> {
  const server = await createHttpServer({
    surfaces: [surface],
    apiKeys: {
      authenticate: () => Promise.resolve(null),
      forget: () => undefined,
      forgetAll: () => undefined,
      takeUses: () => [],
      used: () => undefined,
    },
    clock: systemClock,
    maxBodyBytes: 1_048_576,
    report: () => undefined,
    stopTimeoutMs: 1_000,
  });
  return { server, url: await server.listen('127.0.0.1', 0) };
}

executorSuite('another node', { create: ({ allowPrivate }) => elsewhere(allowPrivate) });
