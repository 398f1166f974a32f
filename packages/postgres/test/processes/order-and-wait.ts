// An application that places an order with its job, says so, and then waits instead of committing.
// Arguments: database, API key, address of the target, number of the order.

import { Client } from 'pg';
import { submitInTransaction } from '../../src/index.ts';

const [connectionString = '', apiKey = '', url = '', id = ''] = process.argv.slice(2);
const client = new Client({ connectionString });
await client.connect();
await client.query('BEGIN');
await client.query('INSERT INTO orders (id) VALUES ($1)', [Number(id)]);
const { jobId } = await submitInTransaction(client, { url, method: 'POST' }, { apiKey });
process.stdout.write(`${JSON.stringify({ jobId })}\n`);
setInterval(() => undefined, 1_000);
