/** Whether documentation means no real host by this name. */
export function isExampleHost(host: string): boolean {
  return host === 'example.com' || host.endsWith('.example.com');
}
