export type JsonRecord = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object of members, and not a `Map`, `Headers`, `Blob` or the like, whose content is not in members. */
export function isPlain(value: unknown): value is JsonRecord {
  return Object.prototype.toString.call(value) === '[object Object]';
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The value that the text stands for; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
