import { DEFAULT_CIRCUIT } from '@ezthrottle/engine';
import { readCapRules, readRateRules } from '../rate-rules.ts';
import { custom, duration, integer } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';
import { DAY_MS } from '../time-spans.ts';

/** How often targets are called, and when they are taken for down. */
export const PACE_SETTINGS: SettingsOf<
  | 'rates'
  | 'caps'
  | 'circuitFailures'
  | 'circuitWindowMs'
  | 'circuitOpenMs'
  | 'circuitMaxOpenMs'
  | 'circuitRampMs'
> = {
  rates: custom(
    {
      flag: 'rate',
      placeholder: '<origin=n>',
      description: 'Requests per second to one destination; may be repeated',
      dev: Object.freeze({}),
      start: Object.freeze({}),
    },
    'list',
    readRateRules,
  ),
  caps: custom(
    {
      flag: 'cap',
      placeholder: '<origin=n>',
      description:
        'Requests per second to one destination over all organizations, which no answer moves; may be repeated',
      dev: Object.freeze({}),
      start: Object.freeze({}),
    },
    'list',
    readCapRules,
  ),
  circuitFailures: integer(
    {
      flag: 'circuit-failures',
      description: 'Failures in a row after which a destination is taken for down; 0: never',
      dev: DEFAULT_CIRCUIT.failures,
      start: DEFAULT_CIRCUIT.failures,
    },
    { min: 0, max: 1_000 },
  ),
  circuitWindowMs: duration(
    {
      flag: 'circuit-window',
      description: 'Time over which these failures lie at least: what fails together is one event',
      dev: DEFAULT_CIRCUIT.spanMs,
      start: DEFAULT_CIRCUIT.spanMs,
    },
    { min: 0, max: 3_600_000 },
  ),
  circuitOpenMs: duration(
    {
      flag: 'circuit-open',
      description:
        'How long nothing is sent to it before one call tries; doubled each time that fails',
      dev: DEFAULT_CIRCUIT.probeAfterMs,
      start: DEFAULT_CIRCUIT.probeAfterMs,
    },
    { min: 10, max: 3_600_000 },
  ),
  circuitMaxOpenMs: duration(
    {
      flag: 'circuit-max-open',
      description: 'Longest of these waits',
      dev: DEFAULT_CIRCUIT.maxProbeAfterMs,
      start: DEFAULT_CIRCUIT.maxProbeAfterMs,
    },
    { min: 10, max: DAY_MS },
  ),
  circuitRampMs: duration(
    {
      flag: 'circuit-ramp',
      description: 'Time over which its rate comes back once a call got through',
      dev: DEFAULT_CIRCUIT.rampMs,
      start: DEFAULT_CIRCUIT.rampMs,
    },
    { min: 0, max: 3_600_000 },
  ),
};
