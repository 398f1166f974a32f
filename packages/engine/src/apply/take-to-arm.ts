/** Attempts that are armed at once beyond what is armed ahead, so that a key with none of them has its turn. */
export const MAX_NEWCOMERS = 16;

/** How many attempts may be taken to be armed. */
export interface ArmingRoom {
  /** Ahead of the pace, whoever's they are. */
  readonly ordinary: number;
  /** At most, so that whoever has nothing armed has its turn. */
  readonly most: number;
}

/**
 * Takes from a line what is to be armed now. Who has come with nothing armed must not wait until what others
 * have armed ahead has gone: turns are taken until its own has come, and those before it are armed with it.
 *
 * @param next Takes out whose turn it is; null when the line is empty.
 * @param newcomers API keys with nothing armed. Those whose turn has come are taken out.
 */
export function takeToArm<Entry extends { readonly apiKey: string }>(
  next: () => Entry | null,
  newcomers: Set<string>,
  { ordinary, most }: ArmingRoom,
): readonly Entry[] {
  const taken: Entry[] = [];
  while (taken.length < ordinary || (newcomers.size > 0 && taken.length < most)) {
    const entry = next();
    if (entry === null) {
      newcomers.clear();
      break;
    }
    newcomers.delete(entry.apiKey);
    taken.push(entry);
  }
  return taken;
}
