/** What a promise rejects with. Fails when it resolves. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  const failed = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (failed === undefined) throw new Error('it was expected to fail, and did not');
  return failed.error;
}
