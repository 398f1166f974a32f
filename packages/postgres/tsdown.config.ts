import { packageBuild } from '@ezthrottle/tooling/tsdown';
import type { UserConfig } from 'tsdown';

const config: UserConfig = packageBuild({
  entry: { index: 'src/index.ts' },
  platform: 'neutral',
  target: 'node20.19',
});

export default config;
