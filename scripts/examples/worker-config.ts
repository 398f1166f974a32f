import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles the Worker of `entry` into `folder`, and describes it for workerd: on this port of loopback,
 * with its variables, and with the Durable Object that remembers deliveries. Gives the configuration.
 */
export async function prepareWorker(
  entry: string,
  folder: string,
  environment: Readonly<Record<string, string>> & { readonly PORT: string },
): Promise<string> {
  await build({
    entryPoints: [entry],
    outfile: join(folder, 'worker.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['@ezthrottle/source', 'workerd'],
    target: 'es2022',
    logLevel: 'silent',
  });
  const { PORT, ...variables } = environment;
  const bindings = Object.entries(variables).map(
    ([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`,
  );
  const config = join(folder, 'worker.capnp');
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${PORT}", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  bindings = [
    (name = "DEDUPE", durableObjectNamespace = "DedupeObject"),
    ${bindings.join(',\n    ')},
  ],
  durableObjectNamespaces = [(className = "DedupeObject", uniqueKey = "ezthrottle-example-dedupe")],
  durableObjectStorage = (inMemory = void),
  compatibilityDate = "2025-09-01",
);
`,
  );
  return config;
}
