import type { IncomingMessage } from 'node:http';

type ExpressRequest = IncomingMessage & { readonly path: string };

/** What one path of Express's router leads to: a route, or a middleware, which has none. */
export interface RouteLayer {
  readonly route?: { readonly path: unknown };
  match(path: string): unknown;
}

interface Router {
  readonly stack: readonly RouteLayer[];
}

export interface ExpressLike {
  use(middleware: (request: ExpressRequest, response: unknown, next: () => void) => void): unknown;
  /** Throws in Express 4, which has the other. */
  readonly router: Router;
  readonly _router?: Router;
}

/** Express's own routes of these paths: they know best which requests are theirs. */
export function findLayers(app: ExpressLike, routes: ReadonlySet<string>): readonly RouteLayer[] {
  const { stack } = app._router ?? app.router;
  return stack.filter(({ route }) => typeof route?.path === 'string' && routes.has(route.path));
}
