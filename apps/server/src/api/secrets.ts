import {
  type Problem,
  SECRET_BOUNDS,
  type SecretList,
  type SecretRequest,
  type SecretView,
} from '@ezthrottle/core/protocol';
import { SECRET_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import type { Id } from '@ezthrottle/engine';
import type { Act, AuditLog } from '../audit/audit-log.ts';
import type { SecretFacts, SecretVault } from '../secrets/secret-vault.ts';
import { actingOf } from './acting.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call, Route } from './route.ts';
import { fullCheck } from './schema-check.ts';

const PATH = '/secrets';
const ONE = `${PATH}/:name`;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

const checkSecret = fullCheck<SecretRequest>(SECRET_SCHEMA, ({ value = '', origins = [] }) => [
  ...checkValue(value),
  ...readOrigins(origins).problems,
]);

export interface SecretRoutesOptions {
  readonly vault: SecretVault;
  readonly audit: AuditLog;
}

/** Secrets that jobs refer to as `{{secret.NAME}}`. A value goes in and is never shown again. */
export function secretRoutes({ vault, audit }: SecretRoutesOptions): readonly Route[] {
  return [
    {
      method: 'PUT',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const { name, secret } = readSecret(call);
        const act = (): Act => ({
          action: 'secret.put',
          target: name,
          before: originsOf(vault, caller.organization, name),
          after: { origins: [...secret.origins] },
        });
        const by = audit.committing(actingOf(call, caller), act);
        const { verdict, facts } = await vault.put(caller.organization, name, secret, by);
        if (facts === null) {
          throw new ApiError(
            'conflict',
            `there are ${SECRET_BOUNDS.perOrganization} secrets already: delete one that is not needed`,
          );
        }
        return { status: verdict === 'created' ? 201 : 200, body: viewOf(facts) };
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'manage',
      async handle(_call, { organization }) {
        const body: SecretList = { secrets: vault.list(organization).map(viewOf) };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'manage',
      async handle(call, { organization }) {
        const facts = vault.find(organization, nameOf(call));
        if (facts === null) throw noSecret();
        return { status: 200, body: viewOf(facts) };
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const name = nameOf(call);
        const before = originsOf(vault, caller.organization, name);
        const act = { action: 'secret.delete', target: name, before } as const;
        const by = audit.committing(actingOf(call, caller), act);
        if (!(await vault.delete(caller.organization, name, by))) throw noSecret();
        return { status: 200, body: { name, status: 'deleted' } };
      },
    },
  ];
}

/** What the audit log tells of a secret. */
function originsOf(
  vault: SecretVault,
  organization: Id,
  name: string,
): { readonly origins: readonly string[] } | null {
  const facts = vault.find(organization, name);
  return facts === null ? null : { origins: [...facts.origins] };
}

function readSecret(call: Call): { readonly name: string; readonly secret: SecretRequest } {
  const name = nameOf(call);
  const checked = checkSecret(call.body);
  refuseProblems([...checkName(name), ...(checked.ok ? [] : checked.problems)], 'the secret');
  if (!checked.ok) throw new ApiError('validation_failed', 'the secret is not valid');
  const { value, origins } = checked.value;
  return { name, secret: { value, origins: readOrigins(origins).origins } };
}

function checkName(name: string): readonly Problem[] {
  if (NAME.test(name)) return [];
  const expected = 'a letter or underscore, then up to 63 letters, digits and underscores';
  return [{ path: 'name', message: 'is not the name of a secret', expected }];
}

/** What is wrong never shows the value. */
function checkValue(value: string): readonly Problem[] {
  if (!/\p{Cs}|\0/u.test(value)) return [];
  return [
    {
      path: 'value',
      message: 'contains a character that cannot be sent',
      expected: 'well-formed Unicode text without zero characters',
    },
  ];
}

function readOrigins(given: readonly string[]): {
  readonly origins: readonly string[];
  readonly problems: readonly Problem[];
} {
  const origins = given.map(originOf);
  const problems = origins.flatMap((origin, index): Problem[] =>
    origin === null
      ? [
          {
            path: `origins[${index}]`,
            message: 'is not an origin',
            expected: 'such as https://api.example.com, or * for anywhere',
          },
        ]
      : [],
  );
  return { origins: [...new Set(origins.filter((origin) => origin !== null))], problems };
}

function originOf(text: string): string | null {
  if (text === '*') return text;
  if (!/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(text) || !URL.canParse(text)) return null;
  const { hostname, origin } = new URL(text);
  // Where `*` could be meant as any subdomain it would match none.
  return hostname.includes('*') ? null : origin;
}

function nameOf({ params }: Call): string {
  return params['name'] ?? '';
}

function noSecret(): ApiError {
  return new ApiError('not_found', 'there is no secret of this name');
}

function viewOf({ name, origins, createdAt, updatedAt }: SecretFacts): SecretView {
  return { name, origins, created_at: createdAt, updated_at: updatedAt };
}
