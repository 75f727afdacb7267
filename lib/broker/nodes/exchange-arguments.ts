import type { ExchangeSettings } from '../exchange/exchange.js';
import { DeclarationError } from './declaration-error.js';

/** @throws {DeclarationError} an argument that cannot work here */
export function readExchangeArguments(
  flags: Pick<ExchangeSettings, 'type' | 'durable' | 'autoDelete' | 'internal'>,
  values: Readonly<Record<string, unknown>>,
): ExchangeSettings {
  const { 'alternate-exchange': alternateExchange, ...otherArguments } = values;
  if (alternateExchange !== undefined && typeof alternateExchange !== 'string') {
    throw new DeclarationError('alternate-exchange', "an exchange's name", alternateExchange);
  }
  return { ...flags, alternateExchange, otherArguments };
}
