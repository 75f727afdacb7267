import type { AmqpError } from '../../protocol/index.js';

/**
 * Whose link it is. `send`: a send client's, also the one for its sends within transactions. `receive`: a receive client's, one for each
 * subscription and one for fetching. `request` and `reply`: a request client's, the way out and the way back. `answer`: to the reply
 * address of a stranger, which may be gone at any time. `management`: both links of a management client. `transaction`: to the peer's
 * transaction coordinator, attached also unasked, to settle more safely. `redrive`: to dead letters that are being moved back.
 */
export type LinkRole = 'send' | 'receive' | 'request' | 'reply' | 'answer' | 'management' | 'transaction' | 'redrive';

/** One link of a connection, as it was when it was asked for. */
export interface LinkStatus {
  /** Which kind of client has it. */
  readonly role: LinkRole;
  /** In words, as in log lines and errors: `orders`, `replies of prices`. */
  readonly address: string;
  /**
   * `idle`: nobody wants it at present. `attaching`: for the first time. `lost`: attached before, and the connection brings it back.
   * `refused`: likewise, and the peer does not want it at present; it is asked again slowly. `failed`: given up, refused for good, stolen,
   * or stopped by a handler's policy; its client's next use tries anew, where there can be one.
   */
  readonly state: 'idle' | 'attaching' | 'attached' | 'lost' | 'refused' | 'failed' | 'closed';
  /**
   * Of a link that receives: whether a subscription has it, or the calls of its client (`attach`, `receiveBatch`, `get`, iteration), of which
   * the next one tries a failed link anew. Absent for all others, and where a policy stopped those who call.
   */
  readonly takenBy?: 'subscription' | 'calls';
  /** Why it is not attached, as far as an attempt or a loss told; `undefined` when it is. */
  readonly error?: AmqpError;
}
