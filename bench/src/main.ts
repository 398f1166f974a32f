// pnpm bench [sdk|adapters] [--quick] …
//
// By itself, the server beside its peers; with `sdk`, the SDK beside its peers; with `adapters`, the
// framework adapters beside bare handlers and the ways of others.

const PARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  sdk: () => import('./sdk/sdk-main.ts'),
  adapters: () => import('./adapters/adapters-main.ts'),
};

const part = PARTS[process.argv[2] ?? ''];
if (part === undefined) {
  await import('./server-main.ts');
} else {
  process.argv.splice(2, 1);
  await part();
}
