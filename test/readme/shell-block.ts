import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellCommandsOf, type Snippet, snippetsOf } from '@ezthrottle/testkit/snippets';
import { root, type TriedDocument } from './documents.ts';
import { runProcess } from './run-process.ts';

/** What a test can do with a block of shell commands. */
export interface ShellBlock {
  readonly document: TriedDocument;
  readonly snippet: Snippet;
  /** Scripts of a package.json that it names. */
  readonly scripts: readonly string[];
  /** Commands that call the server or are our own, in order. */
  readonly calls: readonly string[];
  /** Commands that are only read for their syntax. */
  readonly notRun: readonly string[];
}

const LANGUAGES = new Set(['sh', 'bash', 'shell']);
const TIMEOUT_MS = 20_000;
const NPM_SCRIPT =
  /^npm (?:(?:run|run-script)(?: --?[\w-]+)* (?<named>[\w:.-]+)|(?<short>test|start)\b)/;
const PNPM_SCRIPT =
  /^pnpm (?:run )?(?!(?:add|dlx|exec|i|install|pack|publish|remove|update)\b)(?<named>[\w:.-]+)/;
/** `curl …` and `name=$(curl …)` that address the server by its variable. */
const SERVER_CALL = /^(?:\w+=["']?\$\()?curl\s[\s\S]*\$\{?EZTHROTTLE_URL\b/;

/** Our own command, where it does something and ends. Moving data needs two stores: the server's tests of archives do. */
const OWN_COMMAND = /^npx ezthrottle (?!dev\b|start\b|export\b|import\b)/;

/** From the sources, as they are now. */
const MAIN = join(root, 'apps/server/src/cli/main.ts');
const NPX = `npx() { shift; '${process.execPath}' --conditions=@ezthrottle/source '${MAIN}' "$@"; }`;

/** Fails on what a person would see as a failure, and never waits for long. */
const CURL = 'curl() { command curl --fail-with-body --silent --show-error --max-time 10 "$@"; }';

export function shellBlocksOf(documents: readonly TriedDocument[]): ShellBlock[] {
  return documents.flatMap((document) =>
    snippetsOf(document.markdown)
      .filter(({ language }) => LANGUAGES.has(language))
      .map((snippet) => ({ document, snippet, ...sorted(snippet.code) })),
  );
}

function sorted(code: string): Pick<ShellBlock, 'scripts' | 'calls' | 'notRun'> {
  const scripts: string[] = [];
  const calls: string[] = [];
  const notRun: string[] = [];
  for (const { text } of shellCommandsOf(code)) {
    const { named, short } = (NPM_SCRIPT.exec(text) ?? PNPM_SCRIPT.exec(text))?.groups ?? {};
    const script = named ?? short;
    if (script !== undefined) scripts.push(script);
    else if (SERVER_CALL.test(text) || OWN_COMMAND.test(text)) calls.push(text);
    else notRun.push(text);
  }
  return { scripts, calls, notRun };
}

/** Throws what the shell says about a block that it cannot read. */
export function checkSyntax(code: string): void {
  execFileSync('bash', ['-n', '-c', code], { stdio: 'pipe' });
}

/** Names of those scripts that neither the root nor the document's package has. */
export function missingScripts({ document, scripts }: ShellBlock): string[] {
  const manifests = ['package.json', join(document.packageFolder, 'package.json')];
  const known = new Set(manifests.flatMap((path) => scriptsOf(join(root, path))));
  return scripts.filter((script) => !known.has(script));
}

function scriptsOf(manifest: string): string[] {
  if (!existsSync(manifest)) return [];
  const content: { scripts?: Record<string, string> } = JSON.parse(readFileSync(manifest, 'utf8'));
  return Object.keys(content.scripts ?? {});
}

/** Runs the block's calls in one shell; null, or what went wrong. */
export async function runCalls(
  { calls }: ShellBlock,
  environment: Readonly<Record<string, string>>,
): Promise<string | null> {
  const script = ['set -euo pipefail', CURL, NPX, ...calls].join('\n');
  const options = { cwd: tmpdir(), environment, timeoutMs: TIMEOUT_MS };
  const ended = await runProcess('bash', ['-c', script], options);
  return ended.exitCode === 0 ? null : `ended with code ${ended.exitCode}\n${ended.output}`;
}
