import type { Config } from '../config.ts';
import type { SettingsOf } from './settings-of.ts';
import { ADMISSION_SETTINGS } from './settings/admission.ts';
import { DELIVERY_SETTINGS } from './settings/delivery.ts';
import { KEY_SETTINGS } from './settings/keys.ts';
import { LISTEN_SETTINGS } from './settings/listen.ts';
import { OBSERVATION_SETTINGS } from './settings/observation.ts';
import { PACE_SETTINGS } from './settings/pace.ts';
import { RETENTION_SETTINGS } from './settings/retention.ts';
import { RUNNING_SETTINGS } from './settings/running.ts';
import { STORAGE_SETTINGS } from './settings/storage.ts';
import { TARGET_SETTINGS } from './settings/targets.ts';

/** Every setting, in the order of the help. The type makes the table complete. */
export const SETTINGS: SettingsOf<keyof Config> = {
  ...LISTEN_SETTINGS,
  ...STORAGE_SETTINGS,
  ...KEY_SETTINGS,
  ...TARGET_SETTINGS,
  ...PACE_SETTINGS,
  ...OBSERVATION_SETTINGS,
  ...RETENTION_SETTINGS,
  ...DELIVERY_SETTINGS,
  ...ADMISSION_SETTINGS,
  ...RUNNING_SETTINGS,
};
