import type { WarningView } from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import { WarningList } from './warning-list.ts';

/**
 * Regions that a job, its webhooks, fallbacks and children name and that the server does not have. They are
 * no mistake: with `fallback` another one takes their place, with `strict` the call fails.
 *
 * @param regions Those that the server has.
 */
export function regionWarnings(job: JobSpec, regions: readonly string[]): readonly WarningView[] {
  const known = new Set(regions);
  const warnings = new WarningList();
  const warn = (named: readonly string[], path: string): void => {
    for (const [index, region] of named.entries()) {
      if (!known.has(region)) {
        warnings.add(`${path}regions[${index}]`, 'is not a region of this server');
      }
    }
  };
  const pending: { readonly spec: JobSpec; readonly at: string }[] = [{ spec: job, at: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { spec, at } = next;
    for (const [index, webhook] of spec.webhooks.entries()) {
      warn(webhook.regions, `${at}webhooks[${index}].`);
    }
    for (const [index, path] of spec.paths.entries()) {
      const place = `${at}${'fallback_job.'.repeat(index)}`;
      warn(path.regions, place);
      for (const [edge, child] of [
        ['on_success', path.onSuccess],
        ['on_failure', path.onFailure],
      ] as const) {
        if (child !== null) pending.push({ spec: child, at: `${place}${edge}.` });
      }
    }
  }
  return warnings.all;
}
