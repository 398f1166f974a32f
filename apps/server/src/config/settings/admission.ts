import { integer } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** When new work is refused. */
export const ADMISSION_SETTINGS: SettingsOf<
  | 'maxBacklog'
  | 'maxOrganizationBacklog'
  | 'maxAccountBacklog'
  | 'memoryLimitMb'
  | 'dbMaxBytes'
  | 'retryAfterSeconds'
  | 'maxStreams'
> = {
  maxBacklog: integer(
    {
      flag: 'max-backlog',
      description: 'Unfinished jobs above which new ones are answered 429; 0: no bound',
      dev: 1_000_000,
      start: 1_000_000,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  maxOrganizationBacklog: integer(
    {
      flag: 'max-organization-backlog',
      description: 'The same for the jobs of one organization',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  maxAccountBacklog: integer(
    {
      flag: 'max-account-backlog',
      description: 'The same for the jobs of one account: an API key and user_id',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  memoryLimitMb: integer(
    {
      flag: 'memory-limit-mb',
      description: 'Resident memory above which new jobs are answered 429; 0: no bound',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_048_576 },
  ),
  dbMaxBytes: integer(
    {
      flag: 'db-max-bytes',
      description: 'Size of the database above which new jobs are answered 429; 0: no bound',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000_000_000 },
  ),
  retryAfterSeconds: integer(
    {
      flag: 'retry-after-seconds',
      description: 'Wait named with a 429 where nothing tells how long it takes',
      dev: 5,
      start: 5,
    },
    { min: 1, max: 60 },
  ),
  maxStreams: integer(
    {
      flag: 'max-streams',
      description: 'Event streams open at one time',
      dev: 1_000,
      start: 1_000,
    },
    { min: 0, max: 100_000 },
  ),
};
