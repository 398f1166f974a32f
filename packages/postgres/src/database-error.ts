/**
 * SQLSTATE and message of an error of the database, through what libraries wrap it in; null for any other
 * error.
 */
export function databaseErrorOf(
  error: unknown,
): { readonly code: string; readonly message: string } | null {
  let current = error;
  for (let depth = 0; depth < MOST_WRAPPERS && isObject(current); depth += 1) {
    // Prisma's say it in `originalCode`, and have codes of their own beside.
    const code = current['originalCode'] ?? current['code'];
    if (typeof code === 'string' && SQLSTATE.test(code) && !isPrismas(code)) {
      const message = current['originalMessage'] ?? current['message'];
      return { code, message: typeof message === 'string' ? message : '' };
    }
    current = current['cause'] ?? wrappedByPrisma(current['meta']);
  }
  return null;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;
const MOST_WRAPPERS = 8;

function isPrismas(code: string): boolean {
  return /^P\d{4}$/.test(code) && !/^P0\d{3}$/.test(code);
}

function wrappedByPrisma(meta: unknown): unknown {
  if (!isObject(meta)) return null;
  return meta['driverAdapterError'] ?? meta;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
