// pnpm bench [sdk] [--quick] …
//
// Without `sdk`, the server beside its peers; with it, the SDK beside its peers.

const SDK = 'sdk';

if (process.argv[2] === SDK) {
  process.argv.splice(2, 1);
  await import('./sdk/sdk-main.ts');
} else {
  await import('./server-main.ts');
}
