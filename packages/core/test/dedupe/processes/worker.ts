import {
  type DedupeNamespace,
  DedupeObject,
  type DedupeObjectStorage,
  durableObjectDedupe,
} from '@ezthrottle/core/dedupe/durable-object';
import { checkAll } from './check-all.ts';

interface Bindings {
  readonly DEDUPE: ProbedNamespace;
}

interface ProbedNamespace extends DedupeNamespace<unknown> {
  get(id: unknown): {
    fetch(url: string, request: { method: string; body?: string }): Promise<Response>;
  };
}

/** Also tells what it has stored. */
export class ProbedDedupeObject extends DedupeObject {
  readonly #storage: DedupeObjectStorage & { list(): Promise<Map<string, unknown>> };

  constructor(state: { storage: DedupeObjectStorage & { list(): Promise<Map<string, unknown>> } }) {
    super(state);
    this.#storage = state.storage;
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.method !== 'GET') return super.fetch(request);
    return Response.json((await this.#storage.list()).size);
  }
}

interface Worker {
  fetch(request: Request, bindings: Bindings): Promise<Response>;
}

const worker: Worker = {
  async fetch(request, { DEDUPE: namespace }) {
    const { pathname, searchParams } = new URL(request.url);
    const store = durableObjectDedupe(namespace);
    const id = searchParams.get('id') ?? '';
    const token = searchParams.get('token') ?? '';
    const ms = Number(searchParams.get('ms'));
    switch (pathname) {
      case '/checks':
        return Response.json(await checkAll(() => durableObjectDedupe(namespace)));
      case '/begin':
        return Response.json(await store.begin(id, { leaseMs: ms, token }));
      case '/commit':
        return Response.json(await store.commit(id, token, ms));
      case '/stored':
        return namespace
          .get(namespace.idFromName(id))
          .fetch('https://probe.invalid/', { method: 'GET' });
      default:
        return new Response(null, { status: 404 });
    }
  },
};

// oxlint-disable-next-line import/no-default-export -- workerd finds a worker by it.
export default worker;
