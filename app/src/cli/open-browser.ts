import { spawn } from 'node:child_process';
import { desktopSession } from '../config/desktop-session.ts';

/** Opens the page where a person sits in front of a desktop; elsewhere does nothing. Never fails. */
export function openBrowser(address: string): void {
  const opener = desktopSession();
  if (!opener) return;
  const child = spawn(opener, [address], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
