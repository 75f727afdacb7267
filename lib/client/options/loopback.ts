import { isIP } from 'node:net';

/** Whether a host is this machine by its name alone; nothing is looked up. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  switch (isIP(name)) {
    case 4:
      return name.startsWith('127.');
    case 6:
      return /^(0*:)*0*1$/.test(name) || /^(0*:)*:?ffff:127\./.test(name);
    default:
      return false;
  }
}
