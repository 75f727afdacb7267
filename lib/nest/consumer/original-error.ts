import type { ArgumentsHost } from '@nestjs/common';
import { from, isObservable, mergeMap, type Observable, of } from 'rxjs';

/** A handler of exceptions, as far as the user's filters go. */
interface CustomFilters {
  // As Nest types it; a filter may return a promise or a plain value all the same.
  invokeCustomFilters(error: Error, host: ArgumentsHost): unknown;
}

/**
 * What the user's filters make of an error, and the error itself where none handles it. Nest's own handler makes
 * `{ status: 'error', message }` of an unknown error and logs it; here the error stays what it was.
 */
export function originalError(filters: CustomFilters, error: unknown, host: ArgumentsHost): Observable<unknown> {
  const ask = async (): Promise<unknown> => {
    // A filter that throws: its error is the one that is seen.
    const answer = await filters.invokeCustomFilters(error as Error, host);
    // No filter matched, or one that only looked on.
    if (answer === undefined || answer === null) throw error;
    return answer;
  };
  // `of`: RxJS would iterate a string, and fail on an object.
  return from(ask()).pipe(mergeMap((answer) => (isObservable(answer) ? answer : of(answer))));
}
