// The target of calls, in a process of its own: answers each with the same small JSON.

import { createServer } from 'node:http';
import { inputOfChild, say } from '../processes/child.ts';

inputOfChild();
const answer = JSON.stringify({ status: 'done', items: Array.from({ length: 20 }, (_, n) => n) });
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) say({ port: address.port });
});
