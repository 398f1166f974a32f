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
