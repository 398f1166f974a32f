import { builtinModules } from 'node:module';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { shown, tableOf } from '../numbers.ts';

interface Bundle {
  readonly name: string;
  readonly code: string;
}

/** The smallest import of each that checks a delivery. */
const VERIFIERS: readonly Bundle[] = [
  {
    name: 'EZThrottle, asynchronous',
    code: `export { createWebhookVerifier } from '@ezthrottle/core/webhooks'`,
  },
  {
    name: 'EZThrottle, synchronous',
    code: `export { verifyWebhookSignature } from '@ezthrottle/core/webhooks'`,
  },
  { name: 'standardwebhooks', code: `export { Webhook } from 'standardwebhooks'` },
  { name: 'svix', code: `export { Webhook } from 'svix'` },
  { name: '@upstash/qstash', code: `export { Receiver } from '@upstash/qstash'` },
  { name: 'stripe', code: `import Stripe from 'stripe'; export const { webhooks } = Stripe` },
  { name: 'inngest', code: `export { serve } from 'inngest/edge'` },
];

/** The smallest import of each that hands work over. */
const CLIENTS: readonly Bundle[] = [
  {
    name: 'EZThrottle, to submit step trees',
    code: `export { Step, StepType, SubmitClient } from '@ezthrottle/core/submit'`,
  },
  {
    name: 'EZThrottle, the whole client, which runs them, too',
    code: `export { EZThrottle, Step } from '@ezthrottle/core'`,
  },
  { name: '@upstash/qstash', code: `export { Client } from '@upstash/qstash'` },
  { name: 'svix', code: `export { Svix } from 'svix'` },
  { name: 'inngest', code: `export { Inngest } from 'inngest'` },
  { name: 'stripe', code: `import Stripe from 'stripe'; export { Stripe }` },
];

export async function printBundleSizes(): Promise<void> {
  await printTable('bundle: check a delivery', VERIFIERS);
  await printTable('bundle: hand work over', CLIENTS);
}

async function printTable(title: string, bundles: readonly Bundle[]): Promise<void> {
  const rows: string[][] = [];
  for (const { name, code } of bundles) {
    const { minified, compressed } = await sizesOf(code);
    rows.push([name, shown(minified), shown(compressed)]);
  }
  console.log(`\n${title}, bytes; all code that is loaded at once or later\n`);
  console.log(tableOf([['', 'minified', 'gzip -9'], ...rows]));
}

/** As for a runtime without modules of Node's: those that are asked for nevertheless are not counted. */
async function sizesOf(
  code: string,
): Promise<{ readonly minified: number; readonly compressed: number }> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: [...builtinModules, 'node:*'],
    legalComments: 'none',
    logLevel: 'error',
    write: false,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('esbuild wrote nothing');
  return {
    minified: output.contents.length,
    compressed: gzipSync(output.contents, { level: 9 }).length,
  };
}
