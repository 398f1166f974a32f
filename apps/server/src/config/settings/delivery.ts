import { DEFAULTS } from '@ezthrottle/core/protocol';
import { duration, durations, integer } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';
import { DAY_MS } from '../time-spans.ts';

/** When webhooks are sent, and given up. */
export const DELIVERY_SETTINGS: SettingsOf<
  'deliveryDelaysMs' | 'deliveryGiveUpMs' | 'deliveryRate'
> = {
  deliveryDelaysMs: durations(
    {
      flag: 'delivery-delays',
      description: 'Waits before each attempt of a webhook; the last one is used again',
      dev: DEFAULTS.deliveryDelaysMs,
      start: DEFAULTS.deliveryDelaysMs,
    },
    { min: 0, max: 30 * DAY_MS, count: 64 },
  ),
  deliveryGiveUpMs: duration(
    {
      flag: 'delivery-give-up',
      description: 'When a webhook that nobody accepts is given up',
      dev: DEFAULTS.deliveryGiveUpMs,
      start: DEFAULTS.deliveryGiveUpMs,
    },
    { min: 0, max: 30 * DAY_MS },
  ),
  deliveryRate: integer(
    {
      flag: 'delivery-rate',
      description: 'Webhooks per second to one endpoint; 0: as many as it bears',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000 },
  ),
};
