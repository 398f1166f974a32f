/** Text of users as its column holds it: PostgreSQL's own text has no zero byte. */
export function bytesOfText(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}

export function optionalBytesOfText(value: string | null): Uint8Array | null {
  return value === null ? null : bytesOfText(value);
}
