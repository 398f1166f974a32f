import { expect, it } from 'vitest';
import { sharedCircuit } from './shared-circuit.ts';

it('a server has one circuit, for whoever reaches it in the same way', () => {
  const reach = {};
  const circuit = sharedCircuit(reach, 'https://a.example');
  expect(sharedCircuit(reach, 'https://a.example')).toBe(circuit);
  expect(sharedCircuit(reach, 'https://b.example')).not.toBe(circuit);
  expect(sharedCircuit({}, 'https://a.example')).not.toBe(circuit);
});

it('a process that calls ever new servers does not grow', () => {
  const reach = {};
  const first = sharedCircuit(reach, 'https://first.example');
  for (let server = 0; server < 1_000; server += 1) {
    sharedCircuit(reach, `https://${server}.example`);
  }
  expect(sharedCircuit(reach, 'https://first.example')).not.toBe(first);
});
