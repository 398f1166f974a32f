import type { LimitStateView } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import { expect, test } from 'vitest';
import type { PeerRow } from '../cluster-database.ts';
import { destinationsElsewhere } from './destinations-elsewhere.ts';
import type { Question } from './node-questions.ts';

const ORGANIZATION: Id = '0195f6a0-0000-7000-8000-000000000001';
const STATE: LimitStateView = {
  rate: 5,
  tokens: 1,
  concurrency: 2,
  in_flight: 1,
  waiting: 7,
  paused_until: null,
  paused_by: null,
  circuit: 'closed',
  learned_rate: null,
  lowered_at: null,
};

function peer(name: string): PeerRow {
  const url = `http://${name}.test`;
  return { node: name, url, version: '1', regions: [], isDraining: false, expiresAt: 0 };
}

/** `a` and `b` are other nodes’, `mine` is this one’s, `free` is nobody’s. */
async function ask(names: readonly string[], answers: ReadonlyMap<string, object | null>) {
  const asked: (readonly [Id, Question])[] = [];
  const elsewhere = destinationsElsewhere(
    {
      ownsLine: (_organization, line) => line === 'https://mine.test',
      ownerOf: (_organization, line) => {
        const name = /^https:\/\/(\w)\d?\.test$/.exec(line)?.[1];
        return name === undefined ? null : peer(name);
      },
    },
    {
      ask: async ({ node }, question) => {
        asked.push([node, question]);
        return answers.get(node) ?? null;
      },
    },
  );
  const all = names.map((name) => ({
    key: `destination:https://${name}.test`,
    data: '{"rate":5}',
  }));
  return { asked, found: await elsewhere(ORGANIZATION, all) };
}

test('each node is asked once for all of its destinations, and for none of others', async () => {
  const states = [
    ['destination:https://a1.test', STATE],
    ['destination:https://a2.test', null],
  ];
  const { asked, found } = await ask(['a1', 'mine', 'a2'], new Map([['a', { states }]]));
  expect(asked).toHaveLength(1);
  expect(asked[0]?.[1]).toMatchObject({
    type: 'destinations',
    asked: [{ key: 'destination:https://a1.test' }, { key: 'destination:https://a2.test' }],
  });
  expect([...found]).toEqual(states);
});

test('what a node does not answer, or nobody has, is not known, and the rest is', async () => {
  const states = [['destination:https://a.test', STATE]];
  const { found } = await ask(['a', 'b', 'free'], new Map([['a', { states }]]));
  expect([...found]).toEqual([
    ['destination:https://a.test', STATE],
    ['destination:https://b.test', 'unknown'],
    ['destination:https://free.test', 'unknown'],
  ]);
});
