import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, Module, UnauthorizedException, UseGuards } from '@nestjs/common';
import { AmqpModule } from 'nestjs-amqp10';
import { AmqpDashboardModule } from 'nestjs-amqp10/dashboard';

/** Name and password of HTTP: a browser asks for them once, and sends them with what the page asks for, too. */
export class AdminGuard implements CanActivate {
  private readonly expected: Buffer;

  constructor() {
    const { ADMIN_PASSWORD } = process.env;
    // Said at the start: in a template, what is not set would be the text "undefined".
    if (!ADMIN_PASSWORD) throw new Error('ADMIN_PASSWORD is not set: nobody could see the dashboard');
    this.expected = digest(`Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`);
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { authorization = '' } = http.getRequest<IncomingMessage>().headers;
    if (timingSafeEqual(digest(authorization), this.expected)) return true;
    // Express and Fastify both have header().
    const response = http.getResponse<{ header(name: string, value: string): unknown }>();
    response.header('WWW-Authenticate', 'Basic realm="AMQP", charset="UTF-8"');
    throw new UnauthorizedException();
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

@Module({
  imports: [
    AmqpModule.forRoot({ uri: process.env['AMQP_URI'] }),
    AmqpDashboardModule.forRoot({
      path: 'amqp', // the page is at /amqp, below the global prefix
      decorators: [UseGuards(AdminGuard)],
      allowUnprotected: true, // in production: the guard protects it
    }),
  ],
})
export class AppModule {}
