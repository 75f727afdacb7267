/** One real broker: how it is installed, started and stopped. */
export interface BrokerEntry {
  readonly name: string;
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly product: string;
  /** Why it cannot be had on this machine; `undefined`: it can. */
  whyNot(): string | undefined;
  isInstalled(): boolean;
  install(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** RabbitMQ only: one of the product's own tools. */
  control?(command: readonly string[]): string;
}

export const BROKERS: readonly BrokerEntry[];
