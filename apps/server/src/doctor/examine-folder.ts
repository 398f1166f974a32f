import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '@ezthrottle/engine';
import type { Migration } from '../store/migration.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { checkFile } from './sqlite-file.ts';
import { checkFlushTime } from './flush-time.ts';

const SCARCE_BYTES = 1024 ** 3;
const TOO_SCARCE_BYTES = 100 * 1024 ** 2;

/** Numbers that Linux gives to file systems of other machines. */
const NETWORK_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
]);

export interface FolderExamination {
  readonly folder: string;
  /** Names of the master keys that the server has; null: it was given none. */
  readonly keyIds: readonly string[] | null;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly migrations: readonly Migration[];
}

/** Looks at the data folder of one machine, also while a server works in it. */
export function examineFolder(examination: FolderExamination): readonly Finding[] {
  const { folder } = examination;
  if (!existsSync(folder)) return [placeFinding(folder)];
  const shut = accessFinding(folder);
  if (shut.status === 'fail') return [shut];
  const file = join(folder, 'ezthrottle.db');
  return [
    shut,
    privacyFinding(folder),
    ...diskFindings(folder),
    checkFlushTime(folder, examination.clock),
    ...(existsSync(file) ? checkFile(file, examination) : [ok('file', 'no data is stored yet')]),
  ];
}

/** `start` makes the folder where it is missing. */
function placeFinding(folder: string): Finding {
  const check = 'folder';
  let parent = dirname(folder);
  while (!existsSync(parent) && parent !== dirname(parent)) parent = dirname(parent);
  try {
    accessSync(parent, constants.W_OK | constants.X_OK);
    return ok(check, `${folder} is not there yet; \`start\` makes it`);
  } catch {
    return fail(
      check,
      `${folder} is not there, and this user may not make it in ${parent}`,
      `make it and give it to the user of the server: install -d -m 0700 -o <user> ${folder}`,
    );
  }
}

function accessFinding(folder: string): Finding {
  const check = 'folder';
  if (!statSync(folder).isDirectory()) {
    return fail(check, `${folder} is no folder`, 'name a folder with --data-dir');
  }
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(check, `${folder} can be read and written`);
  } catch {
    return fail(
      check,
      `this user may not read and write ${folder}`,
      `chown -R <user of the server> ${folder}; chmod u+rwX ${folder}`,
    );
  }
}

function privacyFinding(folder: string): Finding {
  const check = 'folder_privacy';
  const open = [folder, ...['ezthrottle.db', 'ezthrottle.db-wal'].map((name) => join(folder, name))]
    .filter((path) => existsSync(path))
    .filter((path) => (statSync(path).mode & 0o077) !== 0);
  // Nobody gets to a file through a folder that is shut.
  const isShut = !open.includes(folder);
  return open.length === 0 || isShut
    ? ok(check, 'only its owner gets into the folder')
    : warn(
        check,
        `other users of this machine get into ${open.join(', ')}, which hold what clients have sent`,
        `chmod go-rwx ${open.join(' ')}`,
      );
}

function diskFindings(folder: string): readonly Finding[] {
  const { bavail, bsize, type } = statfsSync(folder);
  const free = bavail * bsize;
  const message = `${Math.floor(free / 1024 ** 2)} MiB are free for ${folder}`;
  const fix =
    'make room, lower --retention, or set --db-max-bytes so that submits end before the disk does';
  const system = NETWORK_SYSTEMS.get(type);
  return [
    free < TOO_SCARCE_BYTES
      ? fail('disk_space', message, fix)
      : free < SCARCE_BYTES
        ? warn('disk_space', message, fix)
        : ok('disk_space', message),
    ...(system === undefined
      ? []
      : [
          fail(
            'file_system',
            `${folder} is on ${system}: SQLite's log in memory is not shared over a network, and the file breaks`,
            'put the folder on a disk of this machine, or use PostgreSQL (--database-url)',
          ),
        ]),
  ];
}
