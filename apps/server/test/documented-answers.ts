import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/** The answers that an OpenAPI document describes. */
export interface DocumentedAnswers {
  /** Fails when an answer of a documented route is none of those that the document describes. */
  check(method: string, path: string, reply: DocumentedReply): void;
}

interface DocumentedReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export function documentedAnswers(document: Readonly<Record<string, unknown>>): DocumentedAnswers {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const routes = Object.entries(objectAt(document, 'paths')).flatMap(([address, methods]) =>
    Object.keys(methods ?? {}).map((method) => ({
      method,
      address,
      pattern: new RegExp(`^${address.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    })),
  );
  const compiled = new Map<string, ValidateFunction>();

  return {
    check(method, path, { status, headers, text }) {
      const [pathname = ''] = path.split('?');
      // The one with the fewest parameters is the one that is meant.
      const route = routes
        .filter((one) => one.method === method.toLowerCase() && one.pattern.test(pathname))
        .sort((one, other) => parameters(one.address) - parameters(other.address))[0];
      if (route === undefined) return;
      const place = ['paths', route.address, route.method, 'responses', String(status)];
      const answer = place.reduce(objectAt, document);
      if (Object.keys(answer).length === 0) {
        throw new Error(`${method} ${pathname} was answered ${status}, which is not documented`);
      }
      if (!(headers.get('content-type') ?? '').startsWith('application/json')) return;
      const pointer = [...place, 'content', 'application/json', 'schema'].map(escaped).join('/');
      const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `document#/${pointer}` });
      compiled.set(pointer, validate);
      if (!validate(JSON.parse(text))) {
        const wrong = ajv.errorsText(validate.errors);
        throw new Error(
          `${method} ${pathname} (${status}) is not as documented: ${wrong}\n${text}`,
        );
      }
    },
  };
}

function parameters(address: string): number {
  return address.split('{').length;
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function objectAt(value: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const member = value[name];
  return typeof member === 'object' && member !== null ? { ...member } : {};
}
