// The same handler for every transport: it gives back what it was asked with.

import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';

/** A module whose one handler answers the pattern `echo`; `onRequest` gets the context. */
export function echoModule(onRequest) {
  class Echo {
    echo(value, context) {
      onRequest(context);
      return value;
    }
  }
  const method = Object.getOwnPropertyDescriptor(Echo.prototype, 'echo');
  Payload()(Echo.prototype, 'echo', 0);
  Ctx()(Echo.prototype, 'echo', 1);
  MessagePattern('echo')(Echo.prototype, 'echo', method);
  Controller()(Echo);
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest
  class App {}
  Module({ controllers: [Echo] })(App);
  return App;
}
