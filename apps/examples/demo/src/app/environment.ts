export interface AppEnvironment {
  readonly apiKey: string;
  readonly serverUrl: string;
  readonly signingSecret: string;
  readonly targetUrl: string;
  /** 0: any free port. */
  readonly port: number;
}

/** What the demo tells its app; every missing variable is named at once. */
export function environment(source: NodeJS.ProcessEnv = process.env): AppEnvironment {
  const names = ['EZTHROTTLE_API_KEY', 'EZTHROTTLE_URL', 'WEBHOOK_SECRET', 'TARGET_URL'] as const;
  const missing = names.filter((name) => !source[name]);
  if (missing.length > 0) throw new Error(`set ${missing.join(', ')}`);
  return {
    apiKey: source['EZTHROTTLE_API_KEY'] ?? '',
    serverUrl: source['EZTHROTTLE_URL'] ?? '',
    signingSecret: source['WEBHOOK_SECRET'] ?? '',
    targetUrl: source['TARGET_URL'] ?? '',
    port: Number(source['PORT'] ?? 0),
  };
}
