// Run in a project that has the packed package installed: loads it as an application does, and prints
// what became of a delivery.
import { createRequire } from 'node:module';
import 'reflect-metadata';
import * as imported from '@ezthrottle/nestjs';
import { deliver, testingOptions } from '@ezthrottle/nestjs/testing';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const require = createRequire(import.meta.url);
const required = require('@ezthrottle/nestjs');
const handled = [];

class Results {
  handle(delivery) {
    handled.push(delivery.idempotentKey);
  }
}
const descriptor = Object.getOwnPropertyDescriptor(Results.prototype, 'handle');
imported.OnDelivery('success')(Results.prototype, 'handle', descriptor);

class AppModule {}
Module({ imports: [required.EzthrottleModule.forRoot(testingOptions())], providers: [Results] })(
  AppModule,
);

const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
const { status } = await deliver(app, { idempotent_key: 'order-17' });
await app.close();
console.log(
  JSON.stringify({
    nest: require('@nestjs/core/package.json').version.split('.')[0],
    isSameClass: required.EzthrottleModule === imported.EzthrottleModule,
    status,
    handled,
  }),
);
