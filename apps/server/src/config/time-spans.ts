export const DAY_MS = 86_400_000;
export const YEAR_MS: number = 366 * DAY_MS;
