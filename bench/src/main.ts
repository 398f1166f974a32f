// pnpm bench [sdk|adapters|postgres|proofs] [--quick] …
//
// By itself, the server beside its peers; with `sdk`, the SDK beside its peers; with `adapters`, the
// framework adapters beside bare handlers and the ways of others; with `postgres`, nodes on PostgreSQL
// beside job queues on PostgreSQL; with `proofs`, what the engine promises at full size.

const PARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  sdk: () => import('./sdk/sdk-main.ts'),
  adapters: () => import('./adapters/adapters-main.ts'),
  postgres: () => import('./postgres/postgres-main.ts'),
  proofs: () => import('./proofs/proofs-main.ts'),
};

const part = PARTS[process.argv[2] ?? ''];
if (part === undefined) {
  await import('./server-main.ts');
} else {
  process.argv.splice(2, 1);
  await part();
}
