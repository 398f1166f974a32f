/** From 0 up to 1, the same numbers for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** UUIDs of version 7 in the order in which they are made, the same for the same seed and times. */
export function createIds(now: () => number, random: () => number): () => string {
  let count = 0;
  return () => {
    count += 1;
    const time = hex(now(), 12);
    const order = hex(count, 6);
    const rest = hex(Math.floor(random() * 2 ** 48), 12);
    const high = `${time.slice(0, 8)}-${time.slice(8)}-7${order.slice(0, 3)}`;
    return `${high}-8${order.slice(3)}-${rest}`;
  };
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0').slice(-digits);
}
