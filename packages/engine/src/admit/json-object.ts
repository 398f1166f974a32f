/** Any object of parsed JSON that is not a list. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lists as what they are: entries of unknown kind. */
export function isJsonList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
