/** What a server says about itself once it listens. */
export interface ReadyFacts {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string | null;
  /** Null: the data is in a database. */
  readonly dataDir: string | null;
}

/** One line of JSON for programs. Only a development server tells its keys. */
export function readyLine(isDev: boolean, facts: ReadyFacts): string {
  const { url, apiKey, signingSecret, dataDir } = facts;
  const keys = isDev ? { apiKey, signingSecret } : {};
  return `${JSON.stringify({ url, ...keys, dataDir, pid: process.pid })}\n`;
}

/** The same for people, with a call that works as it is. */
export function greeting(isDev: boolean, facts: ReadyFacts): string {
  const { url, apiKey, signingSecret, dataDir } = facts;
  if (!isDev) return `EZThrottle listens on ${url}, data in ${dataDir ?? 'PostgreSQL'}\n`;
  return `
  EZThrottle listens on ${url}

    API key          ${apiKey}
    Signing secret   ${signingSecret ?? 'none'}
    Data             ${dataDir ?? 'PostgreSQL'}

  Submit a job that calls this server's own health page:

    curl -s ${url}/api/v1/jobs \\
      -H 'Authorization: Bearer ${apiKey}' \\
      -H 'Content-Type: application/json' \\
      -d '{"url":"${url}/health"}'

`;
}
