import { packageBuild } from '@ezthrottle/tooling/tsdown';
import type { UserConfig } from 'tsdown';

const build: UserConfig = packageBuild({
  entry: {
    index: 'src/index.ts',
    'protocol/index': 'src/protocol/index.ts',
    'protocol/schemas/index': 'src/protocol/schemas/index.ts',
    'webhooks/index': 'src/webhooks/index.ts',
    'dedupe/redis': 'src/dedupe/redis.ts',
    'dedupe/postgres': 'src/dedupe/postgres.ts',
    'dedupe/sqlite': 'src/dedupe/sqlite.ts',
    'dedupe/durable-object': 'src/dedupe/durable-object.ts',
    'submit/index': 'src/submit/index.ts',
    'manage/index': 'src/manage/index.ts',
    'node/index': 'src/node/index.ts',
    // Reached by "imports" in package.json, one or the other.
    'protocol/node-hmac': 'src/protocol/node-hmac.ts',
    'protocol/portable-hmac': 'src/protocol/portable-hmac.ts',
    'protocol/web-hmac': 'src/protocol/web-hmac.ts',
    'webhooks/after-timeout': 'src/webhooks/after-timeout.ts',
    'webhooks/node-after-timeout': 'src/webhooks/node-after-timeout.ts',
  },
  platform: 'neutral',
  target: 'node20.19',
});

/** Which HMAC and which timer it is, is decided where the package runs, not here. */
const config: UserConfig = { ...build, deps: { neverBundle: [/^#/, /^node:/] } };

export default config;
