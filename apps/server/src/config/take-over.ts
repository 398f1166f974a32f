import { isDeepStrictEqual } from 'node:util';
import type { Config, ConfigKey } from '../config.ts';
import { SETTINGS } from './settings.ts';

/** A configuration that is read anew while the server runs. */
export interface TakeOver {
  /** What is in force from now on. */
  readonly config: Config;
  /** Origins of which the operator says something else than before. */
  readonly origins: readonly string[];
  /** Settings that differ, which only a new start takes over. */
  readonly left: readonly ConfigKey[];
}

/** Takes over the pace of destinations and how much is logged; all else stays as it was at the start. */
export function takenOver(inForce: Config, wanted: Config): TakeOver {
  const { rates, logLevel } = wanted;
  const config = Object.freeze({ ...inForce, rates, logLevel });
  const named = new Set([...Object.keys(inForce.rates), ...Object.keys(rates)]);
  return {
    config,
    origins: [...named].filter((name) => !isDeepStrictEqual(inForce.rates[name], rates[name])),
    left: settingNames().filter((key) => !isDeepStrictEqual(config[key], wanted[key])),
  };
}

function settingNames(): readonly ConfigKey[] {
  const isName = (name: string): name is ConfigKey => Object.hasOwn(SETTINGS, name);
  return Object.keys(SETTINGS).filter(isName);
}
