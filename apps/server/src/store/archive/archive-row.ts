import type { ArchiveColumn, ArchiveRow, ArchiveTable, ColumnKind } from './archive-tables.ts';

const IS_OF_KIND: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  integer: (value) => Number.isSafeInteger(value),
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  id: (value) => typeof value === 'string' && ID.test(value),
  bytes: (value) => typeof value === 'string' && BASE64.test(value),
  fingerprint: (value) => typeof value === 'string',
};

const EXPECTED: Readonly<Record<ColumnKind, string>> = {
  integer: 'an integer',
  text: 'text',
  flag: 'true or false',
  id: 'a UUID in lower case with dashes',
  bytes: 'bytes in base64',
  fingerprint: 'text',
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;

/** A row as a line of an archive gives it; what is wrong names columns and no values. */
export function readRow(
  { columns }: ArchiveTable,
  given: unknown,
):
  | { readonly ok: true; readonly row: ArchiveRow }
  | { readonly ok: false; readonly problems: readonly string[] } {
  if (typeof given !== 'object' || given === null) {
    return { ok: false, problems: ['row: expected an object'] };
  }
  const values = new Map<string, unknown>(Object.entries(given));
  const row: Record<string, null | number | string | boolean> = {};
  const problems: string[] = [];
  for (const [name, column] of Object.entries(columns)) {
    const value = values.get(name) ?? null;
    if (isValueOf(column, value)) row[name] = value;
    else problems.push(`row.${name}: expected ${EXPECTED[column.kind]}`);
    values.delete(name);
  }
  for (const name of values.keys()) problems.push(`row.${name}: is not a column that is known`);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, row };
}

function isValueOf(
  { kind, isOptional }: ArchiveColumn,
  value: unknown,
): value is null | number | string | boolean {
  return value === null ? isOptional : IS_OF_KIND[kind](value);
}
