import type { Secrets } from '../secrets.js';
import type { ControlFrame } from './control-frame.js';

/** A frame of the peer's without what it was told in confidence, wherever people may come to read it. */
export function withoutSecrets(frame: ControlFrame, secrets: Secrets): ControlFrame {
  switch (frame.kind) {
    case 'open': {
      const { containerId, properties } = frame;
      return {
        ...frame,
        containerId: secrets.maskedFact(containerId),
        properties: properties === undefined ? undefined : secrets.maskedFacts(properties),
      };
    }
    case 'detach':
    case 'end':
    case 'close':
      return frame.error === undefined ? frame : { ...frame, error: secrets.maskedError(frame.error) };
    case 'begin':
    case 'attach':
      return frame;
  }
}
