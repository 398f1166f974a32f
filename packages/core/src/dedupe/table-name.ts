const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** The parts of a table's name, which go into statements as they are. */
export function partsOfTableName(table: string, mostParts: number): readonly string[] {
  const parts = table.split('.');
  if (parts.length <= mostParts && parts.every((part) => NAME.test(part))) return parts;
  const schema = mostParts > 1 ? ', with a schema and a dot before it if need be' : '';
  throw new RangeError(
    `table must be a name of at most 63 letters, digits and underscores${schema}, got ${JSON.stringify(table.slice(0, 200))}.`,
  );
}

/** The name, quoted, as it stands in statements. */
export function quotedTableName(parts: readonly string[]): string {
  return parts.map((part) => `"${part}"`).join('.');
}
