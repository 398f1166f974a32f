/**
 * Tells whether the path of a URL is this route: without regard to case, doubled slashes and one at the
 * end, as Express and Fastify may be set up; a parameter (`:tenant`) matches any one segment.
 */
export function routeMatcher(...parts: readonly string[]): (url: string) => boolean {
  const route = segmentsOf(parts.join('/'));
  return (url) => {
    const segments = segmentsOf(url.split('?', 1)[0] ?? '');
    return (
      segments.length === route.length &&
      route.every((part, at) => part.startsWith(':') || part === segments[at])
    );
  };
}

function segmentsOf(path: string): readonly string[] {
  return path
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '');
}
