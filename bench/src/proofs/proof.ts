/** What one proof has found. */
export interface Finding {
  /** What was measured, in words. */
  readonly what: string;
  readonly measured: string;
  /** What the issue asks for; empty: nothing, the figure is reported only. */
  readonly asked: string;
  /** Null: it is reported only. */
  readonly holds: boolean | null;
}

/** What proofs are told. */
export interface ProofSetting {
  /** The built server. */
  readonly program: readonly string[];
  /** An empty folder that is removed afterwards. */
  readonly folder: (name: string) => string;
  readonly isQuick: boolean;
}

export interface Proof {
  readonly key: string;
  readonly title: string;
  readonly run: (setting: ProofSetting) => Promise<readonly Finding[]>;
}

/** A finding that is only reported. */
export function reported(what: string, measured: string): Finding {
  return { what, measured, asked: '', holds: null };
}

/** A finding that has to be so. */
export function asked(what: string, measured: string, wish: string, holds: boolean): Finding {
  return { what, measured, asked: wish, holds };
}

/** `98.5 %` */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
