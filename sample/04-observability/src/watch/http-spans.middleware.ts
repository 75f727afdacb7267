import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** A span around each HTTP request. In an application of yours `@opentelemetry/instrumentation-http` makes it. */
@Injectable()
export class HttpSpans implements NestMiddleware {
  use({ method, originalUrl }: IncomingMessage & { originalUrl: string }, response: ServerResponse, next: () => void) {
    const tracer = trace.getTracer('sample');
    tracer.startActiveSpan(`${method} ${originalUrl}`, { kind: SpanKind.SERVER }, (span) => {
      response.once('close', () => {
        span.setAttribute('http.response.status_code', response.statusCode);
        if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      next();
    });
  }
}
