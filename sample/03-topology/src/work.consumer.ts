// A consumer with a fault: it rejects part of its work until it is mended.

import { Injectable } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { AmqpSubscribe, policy } from 'nestjs-amqp10';
import { run } from './current-run.js';

export class FaultyPart extends Error {}

@Injectable()
export class WorkConsumer {
  readonly done: string[] = [];
  isMended = false;

  @AmqpSubscribe(run.names.work, { errorPolicy: policy.byError([[FaultyPart, policy.reject('app:faulty-part')]]) })
  work(@Payload() task: string): void {
    if (!this.isMended && task.startsWith('hard')) throw new FaultyPart(`cannot do ${task} yet`);
    this.done.push(task);
  }
}
