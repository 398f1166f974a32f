import { describeStep } from '../describe/describe-step.ts';
import { describeStepAsMermaid } from '../describe/describe-as-mermaid.ts';
import { StepBuilder, type StepClient } from './step-builder.ts';
import { nodeFromJson, nodeToJson } from './step-json.ts';
import type { StepNode } from './step-node.ts';
import { refuseTooManySteps } from './tree-bounds.ts';

/**
 * One HTTP call and what follows it.
 *
 * A step never changes: every method returns a new one that shares the rest with the old, so steps can
 * be kept, varied and used as children of several trees. A call whose result is dropped does nothing.
 * What is wrong with a step is told by `execute()`, everything at once.
 *
 * @example
 * const result = await new Step(client).url('https://api.example.com').method('POST').execute();
 */
export class Step extends StepBuilder {
  /** A step as `toJSON` wrote it. Throws `StepValidationError` for anything else. */
  static from(json: unknown, client?: StepClient | null): Step {
    return new Step(client, nodeFromJson(json));
  }

  /** The tree as plain JSON, for `Step.from`. A tree out of bounds throws `StepValidationError`. */
  toJSON(): StepNode {
    return nodeToJson(this.node);
  }

  /**
   * The tree drawn: what is called, what runs it, and what follows what. Headers, bodies and queries are
   * left out. Throws `StepValidationError` when there are more steps than a server takes.
   *
   * @param format `text` for people, `mermaid` for a flow chart. Default `text`.
   */
  describe(format: 'text' | 'mermaid' = 'text'): string {
    refuseTooManySteps(this.node);
    return format === 'mermaid' ? describeStepAsMermaid(this.node) : describeStep(this.node);
  }
}
