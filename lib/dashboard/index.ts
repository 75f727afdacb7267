// Entry "./dashboard": a page in the application's HTTP server, its API, and the same in code.
export { AmqpDashboard } from './dashboard.js';
export { AmqpDashboardModule } from './dashboard.module.js';
export type {
  AmqpDashboardAsyncOptions,
  AmqpDashboardOptions,
  AmqpDashboardPlace,
  AmqpDashboardRequest,
  AmqpDashboardSettings,
  DashboardConnectionSource,
} from './dashboard-options.js';
export type {
  AmqpDashboardSnapshot,
  DashboardCause,
  DashboardConnection,
  DashboardConsumer,
  DashboardError,
  DashboardFailure,
  DashboardLink,
  DashboardLinkError,
  DashboardPeer,
  DashboardRates,
  DashboardSender,
} from './snapshot.js';
