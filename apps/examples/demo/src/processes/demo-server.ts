/** What scenarios know of the server. */
export interface ServerFacts {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
  /** Where its data is, for people. */
  readonly data: string;
}

/** The EZThrottle server of the demo: one process, or several. */
export interface DemoServer {
  readonly facts: ServerFacts;
  start(): Promise<void>;
  /** `kill -9` to one process that has work: no chance to finish anything. */
  kill(): Promise<void>;
  /** What a supervisor does after that; nothing where others go on. */
  recover(): Promise<void>;
  stop(): Promise<void>;
}
