// The wire between the application and the broker, with a knife: the same on every broker, and no broker has to be stopped for it.

import { connect, type Socket } from 'node:net';
import type { Dial } from 'nestjs-amqp10';

const DEFAULT_PORT = 5672;

export class Cable {
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** For the option of the same name. */
  readonly dial: Dial = ({ uri, signal }) => {
    if (this.#isCut) return Promise.reject(new Error('the cable is cut'));
    const { hostname, port } = new URL(uri);
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT), signal });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(socket)).once('error', reject);
    });
  };

  /** Ends every connection in the middle of AMQP, and lets none come about. What is written already still arrives. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroySoon();
  }

  mend(): void {
    this.#isCut = false;
  }
}
