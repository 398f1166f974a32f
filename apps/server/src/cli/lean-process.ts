/** How a process was started, as far as it matters here. */
export interface ProcessStart {
  /** Node's own options. */
  readonly execArgv: readonly string[];
  /** The script and what follows it. */
  readonly scriptArgv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The same, with the arguments and the environment of the process that is to take its place. */
export interface LeanStart {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Space for new objects, in MiB: more than V8's start, far less than the 64 to which it would let it grow. */
const SEMI_SPACE_OPTION = '--max-semi-space-size';
const SEMI_SPACE_MIB = 8;
/**
 * The heap may grow threefold between two collections, and not fourfold, as on any machine with much memory.
 * Twofold would save as much again, and cost a tenth of the processor time of a busy server.
 */
const GROWTH_OPTION = '--heap-growing-percent';
const GROWTH_PERCENT = 200;
/** glibc gives every thread areas of its own, and hands little of them back. */
const ARENAS_VARIABLE = 'MALLOC_ARENA_MAX';
const ARENAS = 2;

/**
 * How a process has to be started to hold less memory that it does not need: what V8 and the C library
 * keep for themselves is most of what a busy server would hold. Null: it was started so, or with a choice
 * of its operator's, which stands.
 */
export function leanStart({ execArgv, scriptArgv, environment }: ProcessStart): LeanStart | null {
  const said = [...execArgv, environment['NODE_OPTIONS'] ?? ''].join(' ').replaceAll('_', '-');
  if (said.includes(SEMI_SPACE_OPTION)) return null;
  const options = [`${SEMI_SPACE_OPTION}=${SEMI_SPACE_MIB}`, `${GROWTH_OPTION}=${GROWTH_PERCENT}`];
  const entries = Object.entries({ [ARENAS_VARIABLE]: `${ARENAS}`, ...environment });
  return {
    argv: [...options, ...execArgv, ...scriptArgv],
    environment: Object.fromEntries(
      entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}
