import { All, Body, Controller, Inject, Param, Req, Res, type Type, VERSION_NEUTRAL } from '@nestjs/common';

import type { AmqpDashboardRequest, ResolvedDashboardPlace } from '../dashboard-options.js';
import { DashboardRequests } from './dashboard-requests.js';

/**
 * A controller at that path. Each module has a class of its own, so that two applications, or two dashboards, do not share a path.
 * Answers are written by hand: an interceptor of the application that wraps what controllers return leaves them alone.
 */
export function dashboardController({ path, decorators }: Pick<ResolvedDashboardPlace, 'path' | 'decorators'>): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  class AmqpDashboardController {
    constructor(@Inject(DashboardRequests) private readonly requests: DashboardRequests) {}

    // All: what is only read, or only posted, says so.
    @All()
    page(@Req() request: AmqpDashboardRequest, @Res() response: unknown): Promise<void> {
      return this.requests.page(request, response);
    }

    @All('api/state')
    state(@Req() request: AmqpDashboardRequest, @Res() response: unknown): Promise<void> {
      return this.requests.state(request, response);
    }

    @All('api/actions/:action')
    action(
      @Req() request: AmqpDashboardRequest,
      @Res() response: unknown,
      @Param('action') action: string,
      @Body() body: unknown,
    ): Promise<void> {
      return this.requests.action(request, response, action, body);
    }
  }
  // As they would stand above the class: the last one first.
  for (const decorate of decorators.toReversed()) decorate(AmqpDashboardController);
  return AmqpDashboardController;
}
