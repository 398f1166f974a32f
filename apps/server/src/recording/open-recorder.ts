import type { Store } from '@ezthrottle/engine';
import type { Config } from '../config.ts';
import { createRecorder, type Recorder, type RecorderOptions } from './recorder.ts';
import type { RecordingHeader } from './recorded-line.ts';

/** Rows of what was taught that a recording begins with. */
const MOST_TAUGHT = 10_000;

/** A recorder of what comes in from now on; null: nothing is to be recorded. */
export async function openRecorder({
  config,
  store,
  header,
  ...others
}: Omit<RecorderOptions, 'file' | 'maxBytes' | 'header' | 'taught'> & {
  readonly config: Pick<Config, 'recording' | 'recordingMaxBytes'>;
  readonly store: Pick<Store, 'work' | 'jobs'>;
  readonly header: Omit<RecordingHeader, 'type' | 'version' | 'wall' | 'backlog'>;
}): Promise<Recorder | null> {
  if (config.recording === null) return null;
  const { pending, scheduled, processing } = await store.jobs.counts();
  return createRecorder({
    ...others,
    file: config.recording,
    maxBytes: config.recordingMaxBytes,
    header: { ...header, backlog: pending + scheduled + processing },
    taught: await store.work.pace(MOST_TAUGHT),
  });
}
