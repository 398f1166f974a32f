import type { Route, Surface } from '../route.ts';
import { openApiDocument } from './document.ts';
import { OPERATIONS } from './operations.ts';

/** The surfaces with the document that describes all of them, itself as well. */
export function withDocument(surfaces: readonly Surface[], version: string): readonly Surface[] {
  let document: object | null = null;
  const route: Route = {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    async handle() {
      document ??= openApiDocument(all, OPERATIONS, version);
      return { status: 200, body: document };
    },
  };
  const all = [...surfaces, { prefix: '/api/v1', routes: [route] }];
  return all;
}
