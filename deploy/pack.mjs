// Packs the server and those of our packages that it needs into `packed/`, as they go to the registry.
// Needs a build before: `pnpm build`.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = join(import.meta.dirname, 'packed');

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const folder of ['packages/core', 'packages/engine', 'apps/server']) {
  const options = { cwd: join(root, folder), stdio: 'inherit' };
  execFileSync('pnpm', ['pack', '--pack-destination', target], options);
}
