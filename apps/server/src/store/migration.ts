/** One step of a schema. Steps are applied in the order of their versions, each once. */
export interface Migration {
  /** From 1. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}
