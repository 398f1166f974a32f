export { ezthrottle, type EZThrottlePluginOptions } from './plugin.ts';
