import { packageBuild } from '@ezthrottle/tooling/tsdown';
import type { UserConfig } from 'tsdown';

const config: UserConfig = packageBuild({
  entry: { 'cli/main': 'src/cli/main.ts', 'hooks/index': 'src/observe/hooks/index.ts' },
  platform: 'node',
  target: 'node22.19',
});

export default config;
