import { ValidationPipe } from '@nestjs/common';
import { InvalidOrder } from './order.errors.js';

/** Turns a body into an OrderDto, or fails with an InvalidOrder that says which fields are wrong. */
export const orderPipe = new ValidationPipe({
  transform: true,
  exceptionFactory: (errors) => new InvalidOrder(errors.map(({ property }) => property).join(', ') || 'not an order'),
});
