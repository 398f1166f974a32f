/** Takes what closes a part. What was given last is closed first. */
export type OnClose = (close: () => Promise<void> | void) => void;
