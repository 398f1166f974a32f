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

/** Answer to `GET /live`: whoever gives it is not to be started anew. */
export interface LivenessView {
  readonly status: 'alive';
}

/** Answer to `GET /ready`: whether it is to be sent requests. */
export interface ReadinessView {
  /** `stopping`: it takes no new work; `store_failed`: it cannot, and is about to end. */
  readonly status: 'ready' | 'stopping' | 'store_failed';
}

/** Answer to `GET /health`. */
export interface HealthView {
  readonly status: 'ok';
  readonly version: string;
  /** Since it started, in whole seconds. */
  readonly uptime_seconds: number;
  /** Since when the job that came first of those in line waits, in milliseconds; null: none is in line. */
  readonly oldest_wait_ms: number | null;
  /** Calls to targets under way. */
  readonly calls_in_flight: number;
  readonly deliveries: {
    /** Calls to webhook endpoints under way. */
    readonly in_flight: number;
    /** Deliveries that wait in memory for their turn. */
    readonly waiting: number;
  };
  /** Jobs by state. */
  readonly jobs: Readonly<Record<JobState, number>>;
  /** What is measured, and the bounds beyond which new jobs are turned away; 0: none. */
  readonly admission: Readonly<Record<string, number | boolean>>;
  /**
   * Of a node among others: whether it hears what they tell it. While it does not, their work is found a second
   * later. Null: there are no others, or nodes are not to tell each other anything.
   */
  readonly hears_nodes: boolean | null;
  /** The regions that calls leave from; `any`: each name that a job gives, all directly. */
  readonly regions: 'any' | readonly RegionHealthView[];
}

export interface RegionHealthView {
  readonly name: string;
  readonly egress: 'direct' | 'proxy' | 'local_address' | 'node';
  readonly state: 'up' | 'down' | 'coming_back';
  /** Destinations that are not reached from there. */
  readonly unreachable: number;
}
