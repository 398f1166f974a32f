/**
 * Text that somebody gave for a setting, as it may be repeated: an address loses its user name and password, in
 * doubt with more than these, and whatever stands in its query or fragment.
 */
export function withoutCredentials(given: string): string {
  const shown = given.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1***@');
  return shown.replace(/(:\/\/[^?#]*[?#]).+$/s, '$1***');
}
