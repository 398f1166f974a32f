import { parseLimitKey } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import type { DestinationAsked, DestinationStates } from '../../limits/destination-states.ts';
import type { DestinationsElsewhere } from '../../limits/limit-state.ts';
import type { CallingPeer } from '../calls/remote-calls.ts';
import type { ClusterNode } from '../cluster-node.ts';
import type { NodeQuestions } from './node-questions.ts';

/** How destinations stand at the nodes that have them. All nodes are asked at the same time. */
export function destinationsElsewhere(
  node: Pick<ClusterNode, 'ownsLine' | 'ownerOf'>,
  questions: Pick<NodeQuestions, 'ask'>,
): DestinationsElsewhere {
  return async (organization, all) => {
    const found = new Map<string, DestinationStates[number][1] | 'unknown'>();
    const byOwner = new Map<string, { peer: CallingPeer; asked: DestinationAsked[] }>();
    for (const one of all) {
      const key = parseLimitKey(one.key);
      if (key?.kind !== 'destination' || node.ownsLine(organization, key.origin)) continue;
      found.set(one.key, 'unknown');
      const owner = node.ownerOf(organization, key.origin);
      if (owner === null || owner.url === null) continue;
      const { asked } = byOwner.get(owner.node) ?? { asked: [] };
      byOwner.set(owner.node, {
        peer: { node: owner.node, url: owner.url },
        asked: [...asked, one],
      });
    }
    const told = await Promise.all(
      [...byOwner.values()].map(({ peer, asked }) =>
        statesAt(questions, peer, organization, asked),
      ),
    );
    for (const [key, state] of told.flat()) found.set(key, state);
    return found;
  };
}

async function statesAt(
  questions: Pick<NodeQuestions, 'ask'>,
  peer: CallingPeer,
  organization: Id,
  asked: readonly DestinationAsked[],
): Promise<DestinationStates> {
  const answer = await questions.ask(peer, { type: 'destinations', organization, asked });
  return isStates(answer) ? answer.states : [];
}

/** Only another node can have sealed it: its shape is ours. */
function isStates(answer: object | null): answer is { readonly states: DestinationStates } {
  return answer !== null && 'states' in answer;
}
