import type { JobExplanation } from '@ezthrottle/core/protocol';
import type { Clock, Executor } from '@ezthrottle/engine';
import { createCallsSurface } from '../cluster/calls/calls-surface.ts';
import { createNodeEnvelope } from '../cluster/calls/node-envelope.ts';
import { type CallingPeer, createRemoteCalls } from '../cluster/calls/remote-calls.ts';
import type { ClusterNode } from '../cluster/cluster-node.ts';
import type { AskOwner } from '../api/jobs/explain-job.ts';
import type { Surface } from '../api/route.ts';
import { createNodeQuestions } from '../cluster/questions/node-questions.ts';
import { destinationsElsewhere } from '../cluster/questions/destinations-elsewhere.ts';
import { type Answers, createQuestionsSurface } from '../cluster/questions/questions-surface.ts';
import type { Config } from '../config.ts';
import { createRegionalExecutor } from '../execute/regional-executor.ts';
import type { DestinationsElsewhere } from '../limits/limit-state.ts';
import type { SecretBox } from '../tenancy/secret-box.ts';
import type { OnClose } from './on-close.ts';

/** How calls get to the nodes of their regions, and from there. */
export interface CallsElsewhere {
  /** Regions of other nodes, at this moment. */
  readonly regions: () => readonly string[];
  /** Makes calls here or at the node of their region. */
  over(local: Executor): Executor;
  /** Makes calls that other nodes hand over, and answers what they ask. */
  surfaces(executor: Executor, answers: Answers): readonly Surface[];
  readonly askOwner: AskOwner;
  readonly destinations: DestinationsElsewhere;
}

export function callsElsewhere(
  parts: {
    readonly config: Config;
    readonly node: ClusterNode;
    readonly box: SecretBox;
    readonly clock: Clock;
  },
  onClose: OnClose,
): CallsElsewhere {
  const { config, node, box, clock } = parts;
  const own = new Set(config.regions === 'any' ? [] : config.regions.map(({ name }) => name));
  const envelope = createNodeEnvelope({ box, self: node.id, now: () => clock.now() });
  const peersIn = (region: string): readonly CallingPeer[] =>
    node.others.flatMap(({ node: id, url, regions, isDraining }) =>
      url !== null && !isDraining && regions.includes(region) ? [{ node: id, url }] : [],
    );
  const questions = createNodeQuestions({ self: node.id, envelope });
  onClose(() => questions.close());
  // Where no node has said where it is, all of them are everywhere.
  const isLocal = (region: string): boolean =>
    own.has(region) || (own.size === 0 && elsewhere().length === 0);
  const elsewhere = (): readonly string[] =>
    node.others.flatMap(({ url, regions, isDraining }) =>
      url === null || isDraining ? [] : regions,
    );
  return {
    regions: elsewhere,
    over(local) {
      const remote = createRemoteCalls({
        self: node.id,
        clock,
        envelope,
        peersIn,
        random: Math.random,
      });
      onClose(() => remote.close());
      return createRegionalExecutor(local, remote, isLocal);
    },
    surfaces: (executor, answers) => [
      createCallsSurface({ envelope, executor, clock }),
      createQuestionsSurface({ envelope, answers }),
    ],
    destinations: destinationsElsewhere(node, questions),
    async askOwner(organization, line, jobId) {
      const owner = node.ownerOf(organization, line);
      if (owner === null || owner.url === null) return null;
      const question = { type: 'explain' as const, organization, jobId };
      const answer = await questions.ask({ node: owner.node, url: owner.url }, question);
      return isExplanation(answer) ? answer : null;
    },
  };
}

/** Only another node can have sealed it: its shape is ours. */
function isExplanation(value: object | null): value is JobExplanation {
  return value !== null && 'job_id' in value;
}
