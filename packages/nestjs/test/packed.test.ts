import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPacked } from '../../../test/runtimes/packed-core.ts';

const run = promisify(execFile);
const BUILD_MS = 180_000;
const project = mkdtempSync(join(tmpdir(), 'ezthrottle-nestjs-'));

beforeAll(() => installPacked(project, ['core', 'nestjs']), BUILD_MS);

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** NestJS 11 is CommonJS, 12 is ESM. */
test.each([
  ['11', 'nest11/node_modules'],
  ['12', '../node_modules'],
])(
  'the package as it is published loads on NestJS %s, by import and by require()',
  async (nest, peers) => {
    for (const name of ['@nestjs', 'reflect-metadata', 'rxjs']) {
      const place = join(project, 'node_modules', name);
      rmSync(place, { force: true });
      symlinkSync(join(import.meta.dirname, peers, name), place);
    }
    const script = join(project, 'load-package.mjs');
    cpSync(join(import.meta.dirname, 'load-package.mjs'), script);
    const { stdout } = await run(process.execPath, [script], { cwd: project });
    expect(JSON.parse(stdout)).toEqual({
      nest,
      isSameClass: true,
      status: 200,
      handled: ['order-17'],
    });
  },
);
