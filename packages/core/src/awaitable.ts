/** What is there at once, or will be: a promise is waited for only where somebody made one. */
export type Awaitable<Value> = Value | PromiseLike<Value>;

/** Whether it has to be waited for: as `await` does, anything with a `then` counts. */
export function isPending<Value>(value: Awaitable<Value>): value is PromiseLike<Value> {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject && 'then' in value && typeof value.then === 'function';
}

/** Goes on with the value: in the same turn when it is there. What `next` throws is thrown or rejects. */
export function andThen<Value, Result>(
  value: Awaitable<Value>,
  next: (value: Value) => Awaitable<Result>,
): Awaitable<Result> {
  return isPending(value) ? value.then(next) : next(value);
}
