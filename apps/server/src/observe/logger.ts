import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { redacted, redactedText } from './redacted.ts';

export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where lines go. Default: the standard error stream; standard output belongs to the command. */
  readonly destination?: DestinationStream;
  /** Lines with these details are left out, since something else tells of them. Default: none. */
  readonly isToldOtherwise?: (details: object) => boolean;
}

/**
 * One JSON line per event, with the time in ISO 8601. Secrets are taken out of details, errors and
 * messages before anything is written. Lines are written at once, so that the last ones before an
 * end are not lost.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (details) => ({ ...redactedDetails(details) }),
      },
      hooks: {
        logMethod(inputs, method) {
          const [first, message] = inputs;
          if (typeof first === 'object' && first !== null) {
            if (options.isToldOtherwise?.(first) === true) return;
          }
          if (typeof first === 'string') return method.call(this, redactedText(first));
          return method.call(
            this,
            first,
            message === undefined ? undefined : redactedText(message),
          );
        },
      },
      // Errors have been reduced by then; pino's own serializer would not know them.
      serializers: { err: (error: unknown) => error },
    },
    options.destination ?? destination({ dest: 2, sync: true }),
  );
}

function redactedDetails(details: object): object {
  const safe = redacted(details);
  return typeof safe === 'object' && safe !== null ? safe : {};
}
