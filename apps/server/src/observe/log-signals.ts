import { outcomeClass } from './metrics/outcome-class.ts';
import type { SignalledJob, Signals } from './signals.ts';

/** The part of pino's logger that tells what happens. */
export interface SignalLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/**
 * Logs what happens. Only what concerns a whole destination is told at all times; each job's life would
 * flood the log of a busy server, and is told only where its operator wants to know.
 *
 * @param isDetailed Whether the level lets through what is told of single jobs.
 */
export function logSignals(logger: SignalLogger, isDetailed: boolean): Signals {
  const destinations: Signals = {
    circuitChanged(organization, origin, state) {
      const details = { organization, destination: origin };
      if (state === 'open') {
        logger.warn({ event: 'destination_down', ...details }, 'a destination is taken for down');
      } else if (state === 'ramping') {
        logger.info({ event: 'destination_back', ...details }, 'a destination answers again');
      }
    },
  };
  return isDetailed ? { ...destinations, ...jobSignals(logger) } : destinations;
}

function jobSignals(logger: SignalLogger): Signals {
  return {
    queued(job) {
      logger.debug({ event: 'job_queued', ...aboutJob(job) }, 'a job was taken in');
    },
    called({ job, path, leg, attempt }) {
      const { region } = leg;
      const details = { jobId: job.id, attempt, region, destination: path.origin };
      logger.debug({ event: 'job_dispatched', ...details }, 'a call was handed over');
    },
    answered({ jobId, attempt, report }) {
      const { outcome, startedAt, endedAt } = report;
      const details = { jobId, attempt, outcome: outcomeClass(outcome), ms: endedAt - startedAt };
      logger.debug({ event: 'attempt_ended', ...details }, 'a call has ended');
    },
    ended(job, { state }, acceptedAt) {
      const details = { ...aboutJob(job), state, acceptedAt };
      logger.debug({ event: 'job_ended', ...details }, 'a job has ended');
    },
    delivered(delivery, { attempt, statusCode, next }) {
      const { id: deliveryId, jobId } = delivery;
      const details = { deliveryId, jobId, attempt, statusCode, state: next.state };
      logger.debug({ event: 'delivery_attempted', ...details }, 'a webhook was sent');
    },
    deliveryEnded({ id: deliveryId, jobId }, reason) {
      const details = { deliveryId, jobId, reason };
      logger.debug({ event: 'delivery_ended', ...details }, 'a webhook was given up');
    },
  };
}

function aboutJob({ id: jobId, organization, spec }: SignalledJob): object {
  return { jobId, organization, destination: spec.paths[0].origin };
}
