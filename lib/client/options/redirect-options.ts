import { isIP } from 'node:net';
import { InvalidOptionsError } from '../../protocol/index.js';
import { checkBoolean, checkObject, checkTexts, joinPath } from './check.js';

/** Whether a peer may send us elsewhere, and where to. */
export interface RedirectOptions {
  /** `false`: a redirect is an error that says where to. @default false */
  readonly follow: boolean;
  /**
   * Names and addresses that credentials may go to, without ports; `*.example.com` means every host below it. Every host that a redirect
   * names, `hostname` and `network-host`, must be one of them.
   */
  readonly allowHosts: readonly string[];
}

/** @throws InvalidOptionsError */
export function checkRedirect(value: unknown, path: string): RedirectOptions {
  const given = checkObject(value, path, ['follow', 'allowHosts']);
  const follow = checkBoolean(given['follow'], joinPath(path, 'follow'), false);
  const place = joinPath(path, 'allowHosts');
  const allowHosts = (checkTexts(given['allowHosts'], place) ?? []).map((host, index) => {
    const name = host.toLowerCase();
    if (isIP(name) !== 0 || /^(\*\.)?[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u.test(name)) return name;
    throw new InvalidOptionsError(
      `${place}[${index}]`,
      "a host's name or address without port, or '*.' and a name",
      host,
    );
  });
  if (follow && allowHosts.length === 0)
    throw new InvalidOptionsError(
      place,
      'a list of one host at least, where redirects are followed',
      given['allowHosts'],
    );
  return { follow, allowHosts };
}

/** Whether one of the entries means this host. */
export function isAllowedHost(host: string, allowHosts: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return allowHosts.some((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === entry));
}
