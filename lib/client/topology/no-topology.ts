// Peers whose topology is somebody else's business.

import { AmqpError } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { TopologyError } from '../errors.js';
import type { TopologyDriver } from './topology-driver.js';

const refuse = (peer: ConnectedPeer): Promise<never> => {
  const name = peer.product ?? 'this peer';
  const message = `${name} has no topology over AMQP that this library knows (profile '${peer.profile.name}'); declare it with the peer's own tools`;
  return Promise.reject(AmqpError.inOwnWords(new TopologyError('unsupported', message)));
};

export const noTopology: TopologyDriver = {
  declare: refuse,
  check: refuse,
  bind: refuse,
  unbind: refuse,
  purge: refuse,
  deleteQueue: refuse,
  deleteExchange: refuse,
  inspect: refuse,
  ensureQueue: refuse,
};
