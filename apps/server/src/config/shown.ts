/**
 * Text that somebody gave for a setting, as it may be repeated: an address loses its user name and password, in
 * doubt with more than these.
 */
export function withoutCredentials(given: string): string {
  return given.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1***@');
}
