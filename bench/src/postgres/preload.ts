import { Client } from 'pg';

/** Of the backlog's rows: those of a job that the store has written, again and again. */
const TABLES = ['jobs', 'runs', 'work', 'idempotency_keys'] as const;
const STEP = 100_000;
/** The store numbers the rows of one transaction from a block of so many. */
const BLOCK = 1_024;

/**
 * Puts more waiting jobs into the store's tables by SQL: copies of one that the store has written, under ids
 * that grow with time as its own do, each with another place in line. Then vacuums, so that what follows does
 * not pay for it.
 *
 * @param publicId The job that is copied; it waits in line.
 */
export async function preload(url: string, publicId: string, count: number): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET search_path TO ezthrottle; SET synchronous_commit = off');
    const known = await client.query('SELECT id FROM jobs WHERE public_id = $1', [publicId]);
    const model = String(known.rows[0].id);
    const copies: string[] = [];
    for (const table of TABLES) copies.push(await copyOf(client, table));
    for (let done = 0; done < count; done += STEP) {
      const step = Math.min(STEP, count - done);
      await putStep(client, copies, model, step);
    }
    // The sum over all rows is the number of jobs: any row will do.
    await client.query(
      `UPDATE commit_marks SET pending = pending + $1
       WHERE instance = (SELECT min(instance::text)::uuid FROM commit_marks)`,
      [count],
    );
    for (const table of TABLES) {
      await client.query(`VACUUM (ANALYZE) ${table}`);
    }
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

async function putStep(
  client: Client,
  copies: readonly string[],
  model: string,
  step: number,
): Promise<void> {
  const { rows } = await client.query(
    "SELECT setval('job_blocks', nextval('job_blocks') + $1) - $1 AS block",
    [Math.ceil(step / BLOCK)],
  );
  const first = Number(rows[0].block) * BLOCK;
  await client.query('BEGIN');
  for (const copy of copies) {
    await client.query(copy, [model, first, step]);
  }
  await client.query('COMMIT');
}

/** Everything but what tells rows apart is as it stands in the model. */
async function copyOf(client: Client, table: string): Promise<string> {
  const { rows } = await client.query(
    `SELECT column_name AS name FROM information_schema.columns
     WHERE table_schema = 'ezthrottle' AND table_name = $1 ORDER BY ordinal_position`,
    [table],
  );
  const names = rows.map(({ name }) => String(name));
  const key = table === 'jobs' ? 'id' : 'job';
  const own: Readonly<Record<string, string>> = {
    [key]: '$2::bigint + number',
    public_id: `(lpad(to_hex($2::bigint + number), 12, '0') || '70008000' || lpad(to_hex(number), 12, '0'))::uuid`,
    key_hash: 'md5(($2::bigint + number)::text)::uuid',
    rank: 'rank + number',
  };
  const selected = names.map((name) => own[name] ?? name).join(', ');
  return `INSERT INTO ${table} (${names.join(', ')})
    SELECT ${selected} FROM ${table} CROSS JOIN generate_series(0, $3::int - 1) AS number
    WHERE ${key} = $1::bigint`;
}
