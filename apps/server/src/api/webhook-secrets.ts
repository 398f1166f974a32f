import {
  ROTATE_WEBHOOK_SECRETS_SCHEMA,
  type RotateWebhookSecretsRequest,
  WEBHOOK_SECRETS_SCHEMA,
  type WebhookSecretsRequest,
} from '@ezthrottle/core/protocol/schemas';
import type { SigningSecrets } from '../tenancy/signing-secrets.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Caller } from '../tenancy/api-keys.ts';
import type { Commit } from '../tenancy/committing.ts';
import { actingOf } from './acting.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call, Route } from './route.ts';
import { type Checked, schemaCheck } from './schema-check.ts';

const PATH = '/webhook-secrets';

const checkPair = schemaCheck<WebhookSecretsRequest>(WEBHOOK_SECRETS_SCHEMA);
const checkRotation = schemaCheck<RotateWebhookSecretsRequest>(ROTATE_WEBHOOK_SECRETS_SCHEMA);

/** The organization's signing secrets (contract: set, look at masked, delete, rotate). */
export function webhookSecretRoutes(secrets: SigningSecrets, audit: AuditLog): readonly Route[] {
  const by = (call: Call, caller: Caller, verb: string): Commit =>
    audit.committing(actingOf(call, caller), { action: `webhook_secrets.${verb}` });

  return [
    {
      method: 'POST',
      path: PATH,
      access: 'manage',
      async handle(call, caller) {
        const request = valid(checkPair(withoutNulls(call.body)));
        const pair = {
          primary: request.primary_secret,
          secondary: request.secondary_secret ?? null,
        };
        await secrets.put(caller.organization, pair, by(call, caller, 'put'));
        return ok('Webhook secrets stored');
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'manage',
      async handle(_call, caller) {
        const pair = await secrets.read(caller.organization);
        if (pair === null) throw noneStored();
        return {
          status: 200,
          body: {
            customer_id: caller.organization,
            primary_secret: mask(pair.primary),
            secondary_secret: pair.secondary === null ? null : mask(pair.secondary),
            has_secondary: pair.secondary !== null,
          },
        };
      },
    },
    {
      method: 'DELETE',
      path: PATH,
      access: 'manage',
      async handle(call, caller) {
        await secrets.delete(caller.organization, by(call, caller, 'delete'));
        return ok('Webhook secrets deleted');
      },
    },
    {
      method: 'POST',
      path: `${PATH}/rotate`,
      access: 'manage',
      async handle(call, caller) {
        const request = valid(checkRotation(call.body));
        const rotating = by(call, caller, 'rotate');
        if (!(await secrets.rotate(caller.organization, request.new_secret, rotating))) {
          throw noneStored();
        }
        return ok('Webhook secrets rotated');
      },
    },
  ];
}

function ok(message: string): { readonly status: 200; readonly body: unknown } {
  return { status: 200, body: { status: 'ok', message } };
}

function noneStored(): ApiError {
  return new ApiError('not_found', 'no webhook secrets are stored');
}

/** Enough to tell secrets apart; clients look for the asterisks. */
function mask(secret: string): string {
  return `${secret.slice(0, 4)}****${secret.slice(-4)}`;
}

/** Clients write null for a secondary secret that they do not have. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function valid<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  refuseProblems(checked.problems, 'the request');
  throw new ApiError('validation_failed', 'the request is not valid');
}
