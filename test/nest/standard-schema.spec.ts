import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import * as common from '@nestjs/common';
import { Injectable, UsePipes, type PipeTransform, type Type } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { AmqpConnection, AmqpModule, AmqpSubscribe, policy } from '../../lib/index.js';
import { Seen, withApp } from './harness.js';

// Nest 12 has the pipe, Nest 11 has not: there the suite is skipped.
// true: an exported pipe of that name is a class without arguments
const SchemaPipe = Reflect.get(common, 'StandardSchemaValidationPipe') as Type<PipeTransform> | undefined;
if (SchemaPipe === undefined) process.stdout.write('skipped: this Nest has no StandardSchemaValidationPipe\n');

/** A schema as the Standard Schema specification has it, of no library. */
const ORDER = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => {
      const id: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'id') : undefined;
      return typeof id === 'number'
        ? { value: { id, checked: true } }
        : { issues: [{ message: 'id is no number', path: ['id'] }] };
    },
  },
} as const;

(SchemaPipe === undefined ? describe.skip : describe)('a pipe of Standard Schema', () => {
  it('hands on what the schema makes of the body, and its refusal goes to the policy', async () => {
    if (SchemaPipe === undefined) throw new Error('skipped');
    const pipe = new SchemaPipe();
    const seen = new Seen<unknown>();
    @Injectable()
    class Orders {
      @AmqpSubscribe('orders', { concurrency: 1, errorPolicy: policy.reject('app:invalid') })
      @UsePipes(pipe)
      handle(@((Payload as (options: object) => ParameterDecorator)({ schema: ORDER })) order: unknown): void {
        seen.add(order);
      }
    }
    const imports = [AmqpModule.forRoot({ uri: 'embedded:' })];
    await withApp({ imports, providers: [Orders] }, async ({ app, idle, settled }) => {
      const sender = app.get(AmqpConnection).createSendClient('orders');
      await sender.send({ id: 'seven' });
      await sender.send({ id: 7 });
      await seen.count(1);
      await idle();
      expect(seen.values).toEqual([{ id: 7, checked: true }]);
      expect(settled('orders').map(({ outcome }) => outcome?.kind)).toEqual(['rejected', 'accepted']);
    });
  });
});
