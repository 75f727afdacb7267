import { describe, expect, it } from '@jest/globals';
import { resolveConnectionOptions } from '../../../lib/client/options/resolve-connection-options.js';
import { RedirectChain } from '../../../lib/client/redirect/redirect-chain.js';

describe('redirects in a row', () => {
  const options = resolveConnectionOptions({
    uri: 'amqp://a',
    redirect: { follow: true, allowHosts: ['a', 'b', 'c'] },
  });
  const [peer] = options.peers;
  if (peer === undefined) throw new Error('no peer');

  const follow = (chain: RedirectChain, ...hosts: string[]) =>
    hosts.map((hostname) => chain.decide({ hostname }, peer).kind);

  it('end where they lead in a circle', () => {
    expect(follow(new RedirectChain(options), 'b', 'a', 'b')).toEqual(['follow', 'follow', 'refuse']);
  });

  it('may be followed again when a circle was refused: whoever was in it may know better by then', () => {
    const chain = new RedirectChain(options);
    follow(chain, 'b', 'a', 'b');
    expect(follow(chain, 'b', 'c')).toEqual(['follow', 'follow']);
  });

  it('begin anew when the last one held', () => {
    const chain = new RedirectChain(options);
    follow(chain, 'b');
    chain.end();
    expect(follow(chain, 'b')).toEqual(['follow']);
  });
});
