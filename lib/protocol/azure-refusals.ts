/** Azure's own conditions that its SDKs do not try again: somebody has to change something there first. */
export const AZURE_REFUSALS: readonly string[] = [
  'com.microsoft:argument-error',
  'com.microsoft:argument-out-of-range',
  'com.microsoft:auth-failed',
  'com.microsoft:entity-disabled',
  'com.microsoft:no-matching-subscription',
  'com.microsoft:precondition-failed',
  'com.microsoft:publisher-revoked',
];
