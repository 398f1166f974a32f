import type { WarningView } from '@ezthrottle/core/protocol';

/** Warnings listed in one answer; more would only make it longer. */
const MAX_WARNINGS = 100;

/** Collects warnings up to a bound, and says when there were more. */
export class WarningList {
  readonly #warnings: WarningView[] = [];
  #more = 0;

  get all(): readonly WarningView[] {
    if (this.#more === 0) return this.#warnings;
    return [...this.#warnings, { path: '', message: `${this.#more} more warnings are not listed` }];
  }

  add(path: string, message: string): void {
    if (this.#warnings.length < MAX_WARNINGS) {
      // A place can lie deep under many fallbacks; the end of its path is what tells it apart.
      const shown = path.length > 500 ? `…${path.slice(-499)}` : path;
      this.#warnings.push({ path: shown, message });
    } else {
      this.#more += 1;
    }
  }
}
