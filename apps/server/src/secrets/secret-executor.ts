import type { AttemptCall, AttemptReport, Clock, Executor, Id, Outcome } from '@ezthrottle/engine';
import { notMade } from '../execute/guarded-executor.ts';
import { withheldReport } from '../execute/withheld-report.ts';
import { SecretBoxError } from '../tenancy/secret-box.ts';
import type { Mask } from './mask.ts';
import { resolveCall } from './resolve-call.ts';
import type { SecretVault } from './secret-vault.ts';

interface Opened {
  readonly name: string;
  readonly value: string;
}

/** A call under way whose answer may show a secret. */
interface Watched {
  readonly organization: Id;
  readonly maxResponseBytes: number;
  /** As it was when the call was made: what has changed since may be shown all the same. */
  readonly mask: Mask | null;
}

type Refusal = Extract<Outcome, { kind: 'refused' }>;

/**
 * An executor that puts secrets into the calls that refer to them, and takes all of their organization out of
 * what comes back, so that nobody behind it ever sees one. Calls of organizations that have none are handed on
 * untouched.
 */
export function withSecretsInCalls(
  executor: Executor,
  options: {
    readonly vault: Pick<SecretVault, 'open' | 'excess' | 'maskOf'>;
    readonly clock: Pick<Clock, 'now'>;
    /** Reads what other nodes have changed. Default: there are none. */
    readonly catchUp?: (() => Promise<void>) | undefined;
  },
): Executor {
  const watched = new Map<string, Watched>();
  let tell: (reports: readonly AttemptReport[]) => void = () => undefined;

  /** Calls that wait for what other nodes have changed, and are not to be made any more if they are aborted. */
  const late = new Set<string>();

  function runAgain(call: AttemptCall): void {
    if (!late.delete(call.token)) {
      refuse(call, null);
      return;
    }
    const resolved = ready(call, false);
    if (resolved !== null) executor.run([resolved]);
  }

  function ready(call: AttemptCall, isFirst = true): AttemptCall | null {
    try {
      const resolved = resolve(call);
      if (!('kind' in resolved)) return resolved;
      if (resolved.code === 'unknown_secret' && options.catchUp !== undefined && isFirst) {
        // It may have been made at another node a moment ago.
        late.add(call.token);
        void options.catchUp().then(() => runAgain(call));
        return null;
      }
      refuse(call, resolved);
    } catch (error) {
      refuse(call, notMade(error));
    }
    return null;
  }

  /** @param refusal Null: it was aborted before it was made. */
  function refuse({ token }: AttemptCall, refusal: Refusal | null): void {
    const outcome: Outcome = refusal ?? { kind: 'aborted' };
    watched.delete(token);
    const at = options.clock.now();
    const report = { token, outcome, response: null, startedAt: at, endedAt: at };
    // Later, as a call that is really made: whoever hands it over has not noted it yet.
    queueMicrotask(() => tell([report]));
  }

  function resolve(call: AttemptCall): AttemptCall | Refusal {
    const { secrets } = call;
    if (secrets === undefined) return call;
    const opened = openAll(options.vault, secrets.organization, secrets.names, call.url);
    if (!Array.isArray(opened)) return opened;
    const { organization, names } = secrets;
    const [excess] = names.length === 0 ? [] : options.vault.excess(organization, call);
    if (excess !== undefined) {
      const { part, most } = excess;
      const unit = part === 'url' ? 'characters' : 'bytes';
      const message = `${part} is too long with its secrets in it; at most ${most} ${unit} are sent`;
      return refusal(`${part}_too_long`, message);
    }
    const values = new Map(opened.map(({ name, value }) => [name, value]));
    const { maxResponseBytes } = call;
    const mask = options.vault.maskOf(organization);
    watched.set(call.token, { organization, maxResponseBytes, mask });
    return resolveCall(call, (name) => values.get(name) ?? '');
  }

  function maskedReport(report: AttemptReport): AttemptReport {
    const call = watched.get(report.token);
    if (call === undefined) return report;
    watched.delete(report.token);
    try {
      const now = options.vault.maskOf(call.organization);
      const masks = new Set([call.mask, now]);
      let clean = report;
      for (const mask of masks) if (mask !== null) clean = maskedBy(mask, clean, call);
      return clean;
    } catch {
      return withheldReport(report);
    }
  }

  return {
    run(calls) {
      if (calls.every(({ secrets }) => secrets === undefined)) {
        executor.run(calls);
        return;
      }
      executor.run(calls.map((call) => ready(call)).filter((call) => call !== null));
    },
    abort(tokens) {
      for (const token of tokens) late.delete(token);
      executor.abort(tokens);
    },
    onSent: (listener) => executor.onSent(listener),
    onReports(listener) {
      tell = listener;
      executor.onReports((reports) => {
        listener(watched.size === 0 ? reports : reports.map(maskedReport));
      });
    },
    close: () => executor.close(),
  };
}

function maskedBy(mask: Mask, report: AttemptReport, { maxResponseBytes }: Watched): AttemptReport {
  const { outcome, response } = report;
  return {
    ...report,
    outcome: mask.outcome(outcome),
    response: response === null ? null : mask.response(response, maxResponseBytes),
  };
}

function openAll(
  vault: Pick<SecretVault, 'open'>,
  organization: Id,
  names: readonly string[],
  url: string,
): Opened[] | Refusal {
  const opened: Opened[] = [];
  for (const name of names) {
    const found = openOne(vault, organization, name);
    if ('kind' in found) return found;
    const { origins } = found.facts;
    if (!origins.includes('*') && !origins.includes(new URL(url).origin)) {
      return refusal('secret_not_allowed', `the secret ${name} may not be sent to this origin`);
    }
    opened.push({ name, value: found.value });
  }
  return opened;
}

function openOne(
  vault: Pick<SecretVault, 'open'>,
  organization: Id,
  name: string,
): NonNullable<ReturnType<SecretVault['open']>> | Refusal {
  try {
    const found = vault.open(organization, name);
    return found ?? refusal('unknown_secret', `the secret ${name} does not exist any more`);
  } catch (error) {
    if (!(error instanceof SecretBoxError)) throw error;
    return refusal('secret_unreadable', `the secret ${name} cannot be opened: ${error.message}`);
  }
}

function refusal(code: string, message: string): Refusal {
  return { kind: 'refused', code, message };
}
