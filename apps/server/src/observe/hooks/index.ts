export { defineHooks, type HookName, type LifecycleHooks } from './lifecycle-hooks.ts';
