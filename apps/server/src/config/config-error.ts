/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** The flag, environment variable or place in the file. */
  readonly where: string;
  readonly message: string;
  readonly expected: string;
}

/** The server cannot start as it was told to: all that is wrong, at once. */
export class ConfigError extends Error {
  readonly code = 'invalid_config';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      problems
        .map(({ where, message, expected }) => `${where} ${message}; expected ${expected}`)
        .join('\n'),
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
