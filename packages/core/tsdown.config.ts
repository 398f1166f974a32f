import { packageBuild } from '@ezthrottle/tooling/tsdown';
import type { UserConfig } from 'tsdown';

const config: UserConfig = packageBuild({
  entry: {
    index: 'src/index.ts',
    'protocol/index': 'src/protocol/index.ts',
    'protocol/schemas/index': 'src/protocol/schemas/index.ts',
    'webhooks/index': 'src/webhooks/index.ts',
    'node/index': 'src/node/index.ts',
  },
  platform: 'neutral',
  target: 'node20.19',
});

export default config;
