/** Has the page opened also while the server is away; on plain http in a LAN browsers have no such thing. */
export function startOffline(): void {
  if (!isSecureContext || !('serviceWorker' in navigator)) return;
  // Refused where the certificate is not trusted: the page works without.
  navigator.serviceWorker.register('/service-worker.js', { updateViaCache: 'none' }).catch(() => undefined);
}
