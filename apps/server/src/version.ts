import { readFileSync } from 'node:fs';

/** The version of this package. */
export const VERSION: string = readVersion();

function readVersion(): string {
  // One level up from src/ as from a flat dist/, two from dist/cli/.
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const content: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (typeof content !== 'object' || content === null || !('name' in content)) continue;
      if (content.name !== '@ezthrottle/server' || !('version' in content)) continue;
      return String(content.version);
    } catch {
      continue;
    }
  }
  return '0.0.0';
}
