import { HttpException } from '@nestjs/common';

/**
 * A delivery was not accepted. Nest's own filter answers it as `spec/webhooks.md` says; filters of the
 * application may see it, but should leave its status, by which the server knows whether to send again.
 */
export class WebhookRefusedException extends HttpException {
  /** Such as `unauthorized` or `conflict`. */
  readonly code: string;

  constructor(body: Readonly<Record<string, unknown>>, status: number) {
    super(body, status);
    this.code = String(body['error']);
  }
}
