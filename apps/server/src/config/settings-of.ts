import type { Config } from '../config.ts';
import type { Setting } from './setting.ts';

/** The settings of these names. */
export type SettingsOf<Name extends keyof Config> = {
  readonly [K in Name]: Setting<Config[K]>;
};
