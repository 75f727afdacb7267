import { HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';

/**
 * What a requester is told of a failure: `{ status, message, ... }`. Only what an RpcException or HttpException says is meant for
 * others; of any other error nothing goes out.
 */
export function errorBody(error: unknown): object {
  if (error instanceof RpcException) {
    const said = error.getError();
    return typeof said === 'string' ? { status: 'error', message: said } : said;
  }
  if (error instanceof HttpException) {
    const said = error.getResponse();
    return { status: error.getStatus(), message: error.message, ...(typeof said === 'string' ? {} : said) };
  }
  return { status: 'error', message: 'Internal server error' };
}
