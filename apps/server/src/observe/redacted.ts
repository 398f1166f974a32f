/** What stands in a log in the place of a secret. */
const REDACTED = '[redacted]';

const SECRET_NAMES =
  /^(proxy-)?authorization$|^(set-)?cookie$|secret|password|passphrase|api[-_]?key|^(master|private|signing|continuation)[-_]?key$|token$|signature$/i;

/** Secrets that are told by their form, wherever they stand in a text. */
const SECRET_TEXTS: readonly RegExp[] = [
  /\bwhsec_[A-Za-z0-9+/=_-]+/g,
  /\b(?:ezt|ck|tk)_[A-Za-z0-9]*_?[A-Za-z0-9_-]{16,}/g,
  /\bBearer\s+[^\s"',]+/gi,
  /(?<=:\/\/)[^/\s@"']+:[^/\s@"']*(?=@)/g,
];

const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;

/** A text without what looks like a key, a signing secret or credentials in an address. */
export function redactedText(text: string): string {
  return SECRET_TEXTS.reduce((rest, pattern) => rest.replace(pattern, REDACTED), text);
}

/**
 * The value as it may be logged: secrets are replaced, known by the name they stand under or by their
 * form. Of an error only type, code, message and stack remain. Bounded in depth and number of entries.
 */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return redactedError(value, depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ENTRIES).map((entry) => redacted(entry, depth + 1));
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ENTRIES)
      .map(([name, entry]) => [
        name,
        isSecret(name, entry) ? REDACTED : redacted(entry, depth + 1),
      ]),
  );
}

/** Whether there is one tells nothing. */
function isSecret(name: string, entry: unknown): boolean {
  return SECRET_NAMES.test(name) && entry !== null && typeof entry !== 'boolean';
}

function redactedError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: redactedText(error.message),
    stack: redactedText(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: redacted(error.cause, depth + 1) }),
  };
}
