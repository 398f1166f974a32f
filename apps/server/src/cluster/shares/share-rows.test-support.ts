import { NO_SHARE, type SlotOwner } from '@ezthrottle/engine';
import type { ShareRow, ShareRows } from './share-rows.ts';

/** The rows in memory, with answers that get lost. */
export class MemoryShareRows {
  rows: readonly ShareRow[] = [];
  /** Nodes that were taken for dead. */
  readonly fenced: Set<string> = new Set();
  now = 1_000_000;
  /** Asked before everything that is done. */
  interfere: (
    node: string,
    what: keyof ShareRows,
  ) => 'nothing' | 'lose_request' | 'lose_answer' | 'be_late' | 'answer_late' = () => 'nothing';
  /** Whether the slot is this node's by its row. */
  holds: (owner: SlotOwner, slot: number) => boolean = () => true;
  /** Waits as long as something that is late. */
  late: () => Promise<void> = () => Promise.resolve();

  /** As one node sees them. */
  of(): ShareRows {
    const once = async <Result>(
      node: string,
      what: keyof ShareRows,
      act: () => Result,
    ): Promise<Result> => {
      const trouble = this.interfere(node, what);
      await Promise.resolve();
      if (trouble === 'be_late') await this.late();
      if (trouble === 'lose_request') throw new Error('connection cut');
      const result = act();
      await Promise.resolve();
      // What was read is out of date by then.
      if (trouble === 'answer_late') await this.late();
      if (trouble === 'lose_answer') throw new Error('connection cut');
      return result;
    };
    const isOf = ({ home }: ShareRow, owner: SlotOwner): boolean => home.node === owner.node;
    const current = (): readonly ShareRow[] =>
      this.rows.map((row) => ({ ...row, isCurrent: !this.fenced.has(row.home.node) }));
    const change = (
      isMeant: (row: ShareRow) => boolean,
      to: (row: ShareRow) => Partial<ShareRow>,
    ): void => {
      this.rows = this.rows.map((row) => (isMeant(row) ? { ...row, ...to(row) } : row));
    };
    return {
      read: (owner, slots) =>
        once(owner.node, 'read', () => ({
          databaseNow: this.now,
          rows: current().filter((row) => isOf(row, owner) || slots.includes(row.slot)),
        })),
      of: (keys) =>
        once('', 'of', () =>
          current().filter(({ key, isCurrent }) => isCurrent && keys.includes(key)),
        ),
      report: (owner, reports) =>
        once(owner.node, 'report', () => {
          if (this.fenced.has(owner.node)) return;
          for (const { key, slot, usage } of reports) {
            const isMeant = (row: ShareRow): boolean => row.key === key && isOf(row, owner);
            const said = { usage, demand: usage.demand, seenAt: this.now };
            if (this.rows.some(isMeant)) change(isMeant, () => said);
            else this.rows = [...this.rows, { ...emptyRow(key, slot, owner), ...said }];
          }
        }),
      confirm: (owner, confirmations) =>
        once(owner.node, 'confirm', () => {
          if (this.fenced.has(owner.node)) return new Set<string>();
          const applied = new Set<string>();
          for (const { key, grant, share } of confirmations) {
            change(
              (row) => row.key === key && isOf(row, owner) && row.grant === grant,
              () => {
                applied.add(key);
                return { confirmed: share };
              },
            );
          }
          return applied;
        }),
      giveUp: (owner, keys) =>
        once(owner.node, 'giveUp', () => {
          this.rows = this.rows.filter((row) => !isOf(row, owner) || !keys.includes(row.key));
        }),
      divide: (owner, { key, slot }, plan) =>
        once(owner.node, 'divide', () => {
          if (this.fenced.has(owner.node) || !this.holds(owner, slot)) return false;
          const rows = current().filter((row) => row.key === key);
          const { grants, isFresh, gone } = plan({ databaseNow: this.now, rows });
          for (const { home, share, grant, turnAt } of grants) {
            change(
              (row) => row.key === key && isOf(row, home),
              () => ({ granted: share, grant, turnAt, isFresh }),
            );
          }
          this.rows = this.rows.filter(
            (row) => row.key !== key || !gone.some((home) => isOf(row, home)),
          );
          return grants.length > 0;
        }),
    };
  }
}

function emptyRow(key: string, slot: number, home: SlotOwner): ShareRow {
  const usage = { demand: 0, waiting: 0, inFlight: 0, ratePerSecond: 0 };
  return {
    key,
    slot,
    home,
    usage,
    demand: 0,
    granted: NO_SHARE,
    confirmed: NO_SHARE,
    grant: 0,
    turnAt: 0,
    isFresh: false,
    isCurrent: true,
    seenAt: 0,
  };
}
