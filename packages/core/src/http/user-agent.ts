import manifest from '../../package.json' with { type: 'json' };

/** `ezthrottle-js/<version> (<runtime>)`. Browsers send their own in its place. */
export function userAgent(): string {
  return `ezthrottle-js/${manifest.version} (${runtimeName()})`;
}

/** For example `Node.js/24`, `Bun/1.3.0`, `Deno/2.5.0` or `Cloudflare-Workers`. */
function runtimeName(): string {
  // Node has a navigator since version 21.
  if (typeof navigator !== 'undefined') return navigator.userAgent;
  return typeof process === 'undefined' ? 'unknown' : `Node.js/${process.version.slice(1)}`;
}
