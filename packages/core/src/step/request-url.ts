import type { StepNode } from './step-node.ts';

/** The address with the parameters of `query()` behind those it has, before a fragment. */
export function requestUrl({ url = '', query = [] }: StepNode): string {
  if (query.length === 0) return url;
  const parameters = new URLSearchParams(
    query.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const [, address = '', fragment = ''] = /^([^#]*)(.*)$/s.exec(url) ?? [];
  const separator = address.includes('?') ? (/[?&]$/.test(address) ? '' : '&') : '?';
  return `${address}${separator}${parameters}${fragment}`;
}
