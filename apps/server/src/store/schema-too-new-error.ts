/** A newer server has written here: an older one could lose what it does not know. */
export class SchemaTooNewError extends Error {
  readonly code = 'schema_too_new';
  override readonly name = 'SchemaTooNewError';

  constructor(found: number, known: number) {
    super(
      `the database has schema version ${found}, this server knows versions up to ${known}: ` +
        'start the newer server, or restore a copy made before the upgrade',
    );
  }
}
