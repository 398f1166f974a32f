import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient } from '@prisma/client/runtime/client';

// What `prisma generate` makes of a schema with one model, without the programs that it loads for that:
//
//   model Order {
//     id Int @id
//     @@map("orders")
//   }

const SCHEMA = `datasource db {
  provider = "postgresql"
}

generator client {
  provider = "prisma-client"
}

model Order {
  id Int @id

  @@map("orders")
}
`;

const STRINGS = [
  'where',
  'Order.findUnique',
  'Order.findUniqueOrThrow',
  'orderBy',
  'cursor',
  'Order.findFirst',
  'Order.findFirstOrThrow',
  'Order.findMany',
  'data',
  'Order.createOne',
  'Order.createMany',
  'Order.createManyAndReturn',
  'Order.updateOne',
  'Order.updateMany',
  'Order.updateManyAndReturn',
  'create',
  'update',
  'Order.upsertOne',
  'Order.deleteOne',
  'Order.deleteMany',
  'having',
  '_count',
  '_avg',
  '_sum',
  '_min',
  '_max',
  'Order.groupBy',
  'Order.aggregate',
  'AND',
  'OR',
  'NOT',
  'id',
  'equals',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'not',
  'set',
  'increment',
  'decrement',
  'multiply',
  'divide',
];

const GRAPH = [
  'JgsQBBwAAB8AMB0AAAQAEB4AAB8AMB8CAAAAAQEAAAABACABAAAAAQAgBBwAAB8AMB0AAAQAEB4AAB8AMB8CACAAIQADAAAA',
  'BAAgAwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACABHwIAAAABAQgAAAkAIAEfAgAA',
  'AAEBCAAACwAwAQgAAAsAMAEfAgAmACECAAAAAQAgCAAADgAgAR8CACYAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAA',
  'AAEAIA8AAAkAIBAAAA4AIAEAAAABACABAAAABAAgBRUAACEAIBYAACIAIBcAACUAIBgAACQAIBkAACMAIAQcAAAaADAdAAAX',
  'ABAeAAAaADAfAgAbACEDAAAABAAgAwAAFgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAQcAAAaADAdAAAXABAeAAAaADAf',
  'AgAbACENFQAAHQAgFgAAHgAgFwAAHQAgGAAAHQAgGQAAHQAgIAIAAAABIQIAAAAEIgIAAAAEIwIAAAABJAIAAAABJQIAAAAB',
  'JgIAAAABJwIAHAAhDRUAAB0AIBYAAB4AIBcAAB0AIBgAAB0AIBkAAB0AICACAAAAASECAAAABCICAAAABCMCAAAAASQCAAAA',
  'ASUCAAAAASYCAAAAAScCABwAIQggAgAAAAEhAgAAAAQiAgAAAAQjAgAAAAEkAgAAAAElAgAAAAEmAgAAAAEnAgAdACEIIAgA',
  'AAABIQgAAAAEIggAAAAEIwgAAAABJAgAAAABJQgAAAABJggAAAABJwgAHgAhBBwAAB8AMB0AAAQAEB4AAB8AMB8CACAAIQgg',
  'AgAAAAEhAgAAAAQiAgAAAAQjAgAAAAEkAgAAAAElAgAAAAEmAgAAAAEnAgAdACEAAAAAAAUoAgAAAAEpAgAAAAEqAgAAAAEr',
  'AgAAAAEsAgAAAAEAAAAABRUABhYABxcACBgACRkACgAAAAAABRUABhYABxcACBgACRkACgECAQIDAQUGAQYHAQcIAQkKAQoM',
  'AgsNAwwPAQ0RAg4SBBETARIUARMVAhoYBRsZCw',
].join('');

const PrismaClient = getPrismaClient({
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: 'd1b3f377ca835d73fd50954a5e22128b9ebdd6b8',
  activeProvider: 'postgresql',
  inlineSchema: SCHEMA,
  runtimeDataModel: JSON.parse(
    '{"models":{"Order":{"fields":[{"name":"id","kind":"scalar","type":"Int"}],"dbName":"orders","schema":null}},"enums":{},"types":{}}',
  ),
  parameterizationSchema: { strings: STRINGS, graph: GRAPH },
  compilerWasm: {
    getRuntime: () => import(compilerFile('mjs')),
    async getQueryCompilerWasmModule() {
      const { wasm } = await import(compilerFile('wasm-base64.mjs'));
      // Whose types come with browsers.
      const { Module } = Reflect.get(globalThis, 'WebAssembly');
      return Reflect.construct(Module, [Buffer.from(wasm, 'base64')]);
    },
    importName: './query_compiler_fast_bg.js',
  },
});

function compilerFile(ending: string): string {
  return import.meta.resolve(`@prisma/client/runtime/query_compiler_fast_bg.postgresql.${ending}`);
}

/** What of a generated client's types is used here. */
export interface OrderTransaction {
  readonly order: { create(wanted: { readonly data: { readonly id: number } }): Promise<unknown> };
  $queryRawUnsafe(query: string, ...values: unknown[]): Promise<unknown>;
}

export interface OrderClient extends OrderTransaction {
  $connect(): Promise<void>;
  $disconnect(): Promise<void>;
  $transaction<Result>(act: (transaction: OrderTransaction) => Promise<Result>): Promise<Result>;
}

export function openPrisma(connectionString: string): OrderClient {
  const client: unknown = new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
  if (!isOrderClient(client)) throw new TypeError('the client has no model of orders');
  return client;
}

function isOrderClient(client: unknown): client is OrderClient {
  return (
    typeof client === 'object' && client !== null && Reflect.get(client, 'order') !== undefined
  );
}
