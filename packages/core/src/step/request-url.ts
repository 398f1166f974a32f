import type { StepNode } from './step-node.ts';

/** The address with the parameters of `query()` behind those it has, before a fragment. */
export function requestUrl({ url = '', query = [] }: StepNode): string {
  // A query that is no list of pairs is told by the rules.
  if (!isQuery(query) || query.length === 0) return url;
  const parameters = new URLSearchParams(
    query.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const [, address = '', fragment = ''] = /^([^#]*)(.*)$/s.exec(url) ?? [];
  const separator = address.includes('?') ? (/[?&]$/.test(address) ? '' : '&') : '?';
  return `${address}${separator}${parameters}${fragment}`;
}

/** Pairs of a name and a value. */
export function isQuery(value: unknown): value is NonNullable<StepNode['query']> {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: unknown) =>
        Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'),
    )
  );
}
