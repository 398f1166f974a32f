import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { fastify } from 'fastify';
import { fastify as fastifyFirst } from 'fastify-first';
import { fastifySubject } from './fastify-subject.ts';

describeAdapter(fastifySubject('Fastify 5', fastify));
describeAdapter(fastifySubject('Fastify 5.0.0', fastifyFirst));
