/** What a test did wrong, or what would never end. */
export class TestServerError extends Error {
  override readonly name = 'TestServerError';
  readonly code:
    | 'time_is_moving'
    | 'endless'
    | 'stuck'
    | 'invalid_address'
    | 'invalid_script'
    | 'invalid_limit'
    | 'invalid_delivery';

  constructor(code: TestServerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
