// npm run example -- <name>: an example beside a development server, until Ctrl-C.

import { EXAMPLES, startExample } from './examples/start-example.ts';

const asked = process.argv[2];
const name = EXAMPLES.find((each) => each === asked);
if (name === undefined) {
  console.error(`usage: npm run example -- <name>   names: ${EXAMPLES.join(', ')}`);
  process.exit(2);
}

const example = await startExample(name, (line) => {
  // How workerd says that it listens.
  if (!line.startsWith('{"event"')) console.log(line);
});
const command = `curl -X POST ${example.origin}/orders/17`;
console.log(`${command}   (now, and whenever you like; Ctrl-C ends it)`);
await fetch(`${example.origin}/orders/17`, { method: 'POST' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void example[Symbol.asyncDispose]());
}
