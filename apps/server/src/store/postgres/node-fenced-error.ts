/** The node's slots are another one's by now: what it would write does not count any more. */
export class NodeFencedError extends Error {
  readonly code = 'node_fenced';
  override readonly name = 'NodeFencedError';

  constructor() {
    super('this node has lost its slots to another one: it may write nothing until it joins anew');
  }
}
