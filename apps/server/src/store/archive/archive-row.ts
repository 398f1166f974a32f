import type {
  ArchiveColumn,
  ArchiveColumns,
  ArchiveRow,
  ArchiveTable,
  ArchiveValues,
  ColumnKind,
} from './archive-tables.ts';

type Value = ArchiveValues[string];

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const IS_OF_KIND: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  integer: (value) => Number.isSafeInteger(value),
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  id: (value) => typeof value === 'string' && ID.test(value),
};

const EXPECTED: Readonly<Record<ColumnKind, string>> = {
  integer: 'an integer',
  text: 'text',
  flag: 'true or false',
  id: 'a UUID in lower case with dashes',
};

/** A row as a line of an archive gives it; what is wrong names columns and no values. */
export function readRow(
  table: ArchiveTable,
  row: unknown,
  parts: unknown,
):
  | { readonly ok: true; readonly row: ArchiveRow }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const values = readValues(table.columns, row, 'row', problems);
  const given = new Map(isObject(parts) ? Object.entries(parts) : []);
  if (parts !== undefined && !isObject(parts)) problems.push('parts: expected an object');
  const read: Record<string, readonly ArchiveValues[]> = {};
  for (const [name, columns] of Object.entries(table.parts)) {
    read[name] = readPart(columns, given.get(name) ?? [], `parts.${name}`, problems);
    given.delete(name);
  }
  for (const name of given.keys()) problems.push(`parts.${name}: is not known`);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, row: { values, parts: read } };
}

function readPart(
  columns: ArchiveColumns,
  given: unknown,
  path: string,
  problems: string[],
): readonly ArchiveValues[] {
  if (Array.isArray(given)) {
    return given.map((row, index) => readValues(columns, row, `${path}[${index}]`, problems));
  }
  problems.push(`${path}: expected a list`);
  return [];
}

function readValues(
  columns: ArchiveColumns,
  given: unknown,
  path: string,
  problems: string[],
): ArchiveValues {
  const values: Record<string, Value> = {};
  if (!isObject(given)) {
    problems.push(`${path}: expected an object`);
    return values;
  }
  const left = new Map(Object.entries(given));
  for (const [name, column] of Object.entries(columns)) {
    values[name] = readValue(column, left.get(name) ?? null, `${path}.${name}`, problems);
    left.delete(name);
  }
  for (const name of left.keys()) problems.push(`${path}.${name}: is not a column that is known`);
  return values;
}

function readValue(
  { kind, isOptional }: ArchiveColumn,
  value: unknown,
  path: string,
  problems: string[],
): Value {
  if (value === null && isOptional) return null;
  if (isScalar(value) && IS_OF_KIND[kind](value)) return value;
  problems.push(`${path}: expected ${EXPECTED[kind]}`);
  return null;
}

function isScalar(value: unknown): value is number | string | boolean {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
