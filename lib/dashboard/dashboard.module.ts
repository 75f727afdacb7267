import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { InvalidOptionsError } from '../client/index.js';
import { AmqpCoreModule } from '../nest/index.js';
import { AmqpDashboard, DASHBOARD_SETTINGS } from './dashboard.js';
import {
  type AmqpDashboardAsyncOptions,
  type AmqpDashboardOptions,
  type AmqpDashboardPlace,
  resolveDashboardPlace,
  resolveDashboardSettings,
} from './dashboard-options.js';
import { DashboardActions } from './http/actions.js';
import { dashboardController } from './http/dashboard.controller.js';
import { DashboardRequests } from './http/dashboard-requests.js';

/**
 * A page in the application's own HTTP server that shows its AMQP connections, consumers, senders and latest failures, and the same as
 * JSON. In an application without HTTP only `AmqpDashboard` is there.
 */
@Module({})
export class AmqpDashboardModule {
  /**
   * Beside `AmqpModule.forRoot`, once.
   * @throws InvalidOptionsError for options that cannot work, and without `authorize` in production
   */
  static forRoot(options: AmqpDashboardOptions = {}): DynamicModule {
    const settings = resolveDashboardSettings(options);
    return moduleOf(options, { provide: DASHBOARD_SETTINGS, useValue: settings });
  }

  /**
   * As `forRoot`, with settings from a factory: `authorize` by a service of yours.
   * @throws InvalidOptionsError at once for where it is mounted, for the settings when the application starts
   */
  static forRootAsync(options: AmqpDashboardAsyncOptions): DynamicModule {
    const { useFactory, inject = [] } = options;
    if (typeof useFactory !== 'function') throw new InvalidOptionsError('useFactory', 'a function', useFactory);
    return moduleOf(options, {
      provide: DASHBOARD_SETTINGS,
      useFactory: async (...args: unknown[]) => resolveDashboardSettings(await useFactory(...args)),
      inject: [...inject],
    });
  }
}

function moduleOf(options: AmqpDashboardPlace, settings: Provider): DynamicModule {
  const place = resolveDashboardPlace(options);
  return {
    module: AmqpDashboardModule,
    global: true,
    imports: [DiscoveryModule, AmqpCoreModule, ...place.imports],
    controllers: [dashboardController(place)],
    providers: [settings, AmqpDashboard, DashboardActions, DashboardRequests],
    exports: [AmqpDashboard],
  };
}
