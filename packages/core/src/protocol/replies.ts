import type { JobState } from './job.ts';
import type { WebhookEndpointView } from './webhook-endpoint.ts';

// Answers that belong to no resource's own file.

/** Answer to `DELETE /api/v1/jobs/:id`. */
export interface CancelReply {
  readonly job_id: string;
  readonly status: 'cancelled';
  readonly state: 'cancelled';
}

/** What there was to do is done. */
export interface DoneReply {
  readonly status: 'ok';
  readonly message: string;
}

/** Answer to `DELETE /api/v1/limits/:key`. */
export interface LimitDeletedReply {
  readonly key: string;
  readonly status: 'deleted';
}

/** The organization's signing secrets, masked. */
export interface WebhookSecretsView {
  readonly customer_id: string;
  readonly primary_secret: string;
  readonly secondary_secret: string | null;
  readonly has_secondary: boolean;
}

/** Endpoints that were disabled at some time. */
export interface WebhookEndpointList {
  readonly endpoints: readonly WebhookEndpointView[];
}

/** Answer to `GET /health`. */
export interface HealthView {
  readonly status: 'ok';
  readonly version: string;
  /** Jobs by state. */
  readonly jobs: Readonly<Record<JobState, number>>;
  /** What is measured, and the bounds beyond which new jobs are turned away; 0: none. */
  readonly admission: Readonly<Record<string, number | boolean>>;
  /** The regions that calls leave from; `any`: each name that a job gives, all directly. */
  readonly regions: 'any' | readonly RegionHealthView[];
}

export interface RegionHealthView {
  readonly name: string;
  readonly egress: 'direct' | 'proxy' | 'local_address';
  readonly state: 'up' | 'down' | 'coming_back';
  /** Destinations that are not reached from there. */
  readonly unreachable: number;
}
