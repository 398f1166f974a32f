// A process that claims an id and then does nothing more, until somebody kills it.
// Argument: the place, the id and the lease, as JSON.
import { openStore, type StorePlace } from '../open-store.ts';

const task: { place: StorePlace; id: string; leaseMs: number } = JSON.parse(process.argv[2] ?? '');
const { store } = await openStore(task.place);
const claim = await store.begin(task.id, {
  leaseMs: task.leaseMs,
  token: 'of a process that dies',
});
console.log(claim);
setInterval(() => undefined, 60_000);
