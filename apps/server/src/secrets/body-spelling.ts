/** How a value is written into a body, so that it cannot change what stands around it. */
export function bodySpelling(
  headers: Readonly<Record<string, string>>,
  body: string,
): (value: string) => string {
  const named = Object.keys(headers).find((name) => name.toLowerCase() === 'content-type');
  const type = named === undefined ? '' : (headers[named]?.toLowerCase() ?? '');
  if (type.includes('json') || (type === '' && /^\s*[[{]/.test(body))) {
    return (value) => JSON.stringify(value).slice(1, -1);
  }
  if (type.includes('x-www-form-urlencoded')) {
    return (value) => new URLSearchParams({ v: value }).toString().slice('v='.length);
  }
  return (value) => value;
}
