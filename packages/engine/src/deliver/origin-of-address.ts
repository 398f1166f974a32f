/** Webhooks of many jobs go to few addresses: taking one apart costs as much as deciding where it goes. */
const KEPT = 1_000;
const LONGEST_KEPT = 512;
const origins = new Map<string, string>();

/** The origin of an address; of what is none, the text itself. */
export function originOfAddress(url: string): string {
  const known = origins.get(url);
  if (known !== undefined) return known;
  const origin = URL.parse(url)?.origin ?? url;
  if (url.length > LONGEST_KEPT) return origin;
  if (origins.size >= KEPT) origins.clear();
  origins.set(url, origin);
  return origin;
}
