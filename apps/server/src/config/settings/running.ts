import { duration, integer, optionalText } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** How it stops, and what it writes down for a replay. */
export const RUNNING_SETTINGS: SettingsOf<'stopTimeoutMs' | 'recording' | 'recordingMaxBytes'> = {
  stopTimeoutMs: duration(
    {
      flag: 'stop-timeout',
      description: 'How long a stop waits for calls under way',
      dev: 5_000,
      start: 25_000,
    },
    { min: 0, max: 600_000 },
  ),
  recording: optionalText(
    {
      flag: 'recording',
      placeholder: '<file>',
      description:
        'File to which is written what `simulate` replays: jobs without what they carry, outcomes, limits',
      dev: null,
      start: null,
    },
    /^[^\0]+$/,
    'the path of a file',
  ),
  recordingMaxBytes: integer(
    {
      flag: 'recording-max-bytes',
      description: 'Size of that file at which the recording ends',
      dev: 268_435_456,
      start: 268_435_456,
    },
    { min: 65_536, max: 1_000_000_000_000 },
  ),
};
