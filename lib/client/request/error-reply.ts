import { RequestError } from '../errors.js';

/** What a request is told that was answered with an error reply; its `body` is what the responder said. */
export function errorReply(address: string, body: unknown): RequestError {
  const said = typeof body === 'object' && body !== null && 'message' in body ? body.message : body;
  const text = typeof said === 'string' ? `: ${said}` : '';
  return new RequestError(`"${address}" answered with an error${text}`, body);
}
