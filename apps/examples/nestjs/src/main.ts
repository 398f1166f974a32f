import 'reflect-metadata';
import { EZThrottle, Step, type StepResult } from '@ezthrottle/core';
import type { Delivery } from '@ezthrottle/core/webhooks';
import { EzthrottleModule, OnDelivery } from '@ezthrottle/nestjs';
import { Controller, Get, HttpCode, Injectable, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { PORT = '3000', WEBHOOK_SECRET = 'a secret for development' } = process.env;
const origin = `http://127.0.0.1:${PORT}`;

@Controller()
class OrdersController {
  readonly client: EZThrottle;

  constructor(client: EZThrottle) {
    this.client = client;
  }

  @Post('orders/:id')
  @HttpCode(202)
  order(@Param('id') id: string): Promise<StepResult> {
    return new Step(this.client)
      .url(`${origin}/stock/${id}`)
      .idempotentKey(`order ${id}`)
      .webhooks([{ url: `${origin}/webhooks` }])
      .execute();
  }

  /** Stands for an API of somebody else. */
  @Get('stock/:id')
  stock(@Param('id') id: string): object {
    return { order: id, inStock: true };
  }
}

@Injectable()
class OrderResults {
  @OnDelivery('any')
  print({ idempotentKey, status, response }: Delivery): void {
    console.log(`delivered: ${idempotentKey}, ${status}, ${response?.body}`);
  }
}

@Module({
  imports: [
    // The client finds the server by EZTHROTTLE_URL and EZTHROTTLE_API_KEY.
    EzthrottleModule.forRoot({
      receiver: { secrets: WEBHOOK_SECRET },
      path: 'webhooks',
      isGlobal: true,
    }),
  ],
  controllers: [OrdersController],
  providers: [OrderResults],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
await app.listen(Number(PORT), '127.0.0.1');
console.log(`listening on ${origin}`);
