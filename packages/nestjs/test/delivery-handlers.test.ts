import 'reflect-metadata';
import type { Server } from 'node:http';
import type { Delivery, DeliveryWithBody, StandardSchema } from '@ezthrottle/core/webhooks';
import {
  Controller,
  Inject,
  Injectable,
  Module,
  Scope,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { EzthrottleModule, OnDelivery } from '../src/index.ts';
import { deliver, testingOptions } from '../src/testing.ts';

const apps: INestApplication<Server>[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** What handlers have seen, in the order in which they did. */
const seen: string[] = [];

@Injectable()
class Results {
  readonly name = 'results';

  @OnDelivery('success')
  succeeded(delivery: Delivery): void {
    seen.push(`${this.name}: ${delivery.status}`);
  }

  @OnDelivery('failed')
  @OnDelivery({ key: 'order-42' })
  failedOrNamed({ idempotentKey }: Delivery): void {
    seen.push(`${this.name}: ${idempotentKey}`);
  }

  notAHandler(): void {
    seen.push('not a handler');
  }
}

@Controller('orders')
class OrdersController {
  @OnDelivery({ tag: 'billing' })
  bill(): void {
    seen.push('controller: billing');
  }

  @OnDelivery('any')
  all(): void {
    seen.push('controller: any');
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly request: { readonly url: string };

  constructor(@Inject(REQUEST) request: { readonly url: string }) {
    this.request = request;
  }

  @OnDelivery('success')
  succeeded(): void {
    seen.push(`request: ${this.request.url}`);
  }
}

interface Total {
  readonly total: number;
}

const totalSchema: StandardSchema<Total> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'total' in value
        ? { value: { total: Number(value.total) } }
        : { issues: [{ message: 'no total' }] },
  },
};

@Injectable()
class Totals {
  @OnDelivery('success', { schema: totalSchema })
  add({ body }: DeliveryWithBody<Total>): void {
    seen.push(`total: ${body.total}`);
  }
}

class Broken {
  @OnDelivery('success')
  fail(): void {
    throw new Error('the database is away');
  }
}

@Injectable()
class Ledger {
  readonly entries = 'ledger';
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient {
  static made = 0;
  readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    Transient.made += 1;
  }

  @OnDelivery('any')
  book(): void {
    seen.push(`transient: ${this.ledger.entries} ${Transient.made}`);
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TransientPerRequest {
  readonly ledger: Ledger;
  readonly perRequest: PerRequest;

  constructor(ledger: Ledger, perRequest: PerRequest) {
    this.ledger = ledger;
    this.perRequest = perRequest;
  }

  @OnDelivery('failed')
  book(): void {
    seen.push(`transient: ${this.ledger.entries} ${this.perRequest.request.url}`);
  }
}

const named = Symbol('by a symbol');

class Named {
  @OnDelivery('any')
  [named](): void {
    seen.push('symbol');
  }
}

class Inherits extends Named {}

async function start(
  providers: readonly Type[],
  onFastify = false,
  controllers: readonly Type[] = [],
  modules: readonly Type[] = [],
): Promise<INestApplication<Server>> {
  @Module({
    imports: [EzthrottleModule.forRoot({ ...testingOptions(), path: 'hook' }), ...modules],
    providers: [...providers],
    controllers: [...controllers],
  })
  class AppModule {}
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = onFastify
    ? testing.createNestApplication(new FastifyAdapter(), { logger: false })
    : testing.createNestApplication({ logger: false });
  apps.push(app);
  seen.length = 0;
  return app;
}

describe.each([
  ['Express', false],
  ['Fastify', true],
])('@OnDelivery in an application on %s', (_platform, onFastify) => {
  it('has methods of providers and controllers handle the deliveries they ask for', async () => {
    const app = await start([Results], onFastify, [OrdersController]);
    expect((await deliver(app, { tags: ['billing'] })).status).toBe(200);
    expect(seen.toSorted()).toEqual(['controller: any', 'controller: billing', 'results: success']);
    seen.length = 0;
    await deliver(app, { status: 'failed', idempotent_key: 'order-17' });
    expect(seen.toSorted()).toEqual(['controller: any', 'results: order-17']);
  });

  it('may stand on a method several times, which runs once for each that matches', async () => {
    const app = await start([Results], onFastify);
    await deliver(app, { idempotent_key: 'order-42' });
    expect(seen.toSorted()).toEqual(['results: order-42', 'results: success']);
  });

  it('makes a provider of the request’s scope for each delivery, with its request', async () => {
    const app = await start([PerRequest], onFastify);
    await deliver(app);
    await deliver(app);
    expect(seen).toEqual(['request: /hook', 'request: /hook']);
  });

  it('gives a transient provider what it needs, in an instance of its own', async () => {
    Transient.made = 0;
    const app = await start([Transient, Ledger], onFastify);
    await deliver(app);
    await deliver(app);
    expect(seen).toEqual(['transient: ledger 1', 'transient: ledger 1']);
  });

  it('gives a transient provider that needs the request both', async () => {
    const app = await start([TransientPerRequest, PerRequest, Ledger], onFastify);
    expect((await deliver(app, { status: 'failed' })).status).toBe(200);
    expect(seen).toEqual(['transient: ledger /hook']);
  });

  it('runs methods that are named by a symbol, also inherited ones', async () => {
    const app = await start([Inherits], onFastify);
    await deliver(app);
    expect(seen).toEqual(['symbol']);
  });

  it('hands over the body that a schema asks for, and fails otherwise', async () => {
    const app = await start([Totals], onFastify);
    const response = { status_code: 200, headers: {}, body: '{"total":"17"}' };
    expect((await deliver(app, { response })).status).toBe(200);
    expect(seen).toEqual(['total: 17']);
    const other = { ...response, body: '{}' };
    expect((await deliver(app, { response: other })).status).toBe(500);
  });

  it('has a delivery sent again when the method throws', async () => {
    const app = await start([Broken], onFastify);
    expect((await deliver(app)).status).toBe(500);
  });

  it('handles a delivery that comes again once', async () => {
    const app = await start([Results], onFastify);
    await deliver(app, { delivery_id: 'the same' });
    const again = await deliver(app, { delivery_id: 'the same' });
    expect(await again.json()).toEqual({ status: 'duplicate' });
    expect(seen).toEqual(['results: success']);
  });
});

describe('@OnDelivery', () => {
  it('cannot stand on a static method, which no instance has', () => {
    expect(() => {
      class Wrong {
        // @ts-expect-error: refused by its type, too.
        @OnDelivery('any')
        static handle(): void {}
      }
      return Wrong;
    }).toThrow(/Wrong\.handle, which is static/);
  });

  it('cannot stand on a getter, which is no method', () => {
    expect(() => {
      class Wrong {
        @OnDelivery('any')
        get handle(): () => void {
          return () => {};
        }
      }
      return Wrong;
    }).toThrow(/Wrong\.handle, which is no method/);
  });

  it('has each module that provides the same class handle with its own', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Shop {
      readonly name: string;

      constructor(@Inject('name') name: string) {
        this.name = name;
      }

      @OnDelivery('any')
      sell(): void {
        seen.push(this.name);
      }
    }
    const shops = ['one', 'two'].map((name) => {
      class ShopModule {}
      Module({ providers: [Shop, { provide: 'name', useValue: name }] })(ShopModule);
      return ShopModule;
    });
    const app = await start([], false, [], shops);
    await deliver(app);
    expect(seen.toSorted()).toEqual(['one', 'two']);
  });
});
