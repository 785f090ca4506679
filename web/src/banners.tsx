import { useEffect, useState } from 'react';
import { isStale } from './api/notices.ts';
import { streamClient } from './api/stream-client.ts';
import { useStore } from './state/store.ts';
import { strings } from './strings.ts';
import { Button } from './ui/button.tsx';

/** A short hiccup is nobody's business. */
const patienceMs = 2_000;

function useIsOffline(): boolean {
  const connection = useStore(streamClient.connection);
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (connection !== 'lost') {
      setLong(false);
      return;
    }
    const timer = setTimeout(() => setLong(true), patienceMs);
    return () => clearTimeout(timer);
  }, [connection]);
  return isLong;
}

export function Banners() {
  const isOffline = useIsOffline();
  const stale = useStore(isStale);
  if (isOffline)
    return (
      <div className="banner" role="status">
        {strings.shell.offline}
      </div>
    );
  if (!stale) return null;
  return (
    <div className="banner" role="status">
      {strings.shell.staleTab}
      <Button kind="quiet" onClick={() => location.reload()}>
        {strings.shell.reload}
      </Button>
    </div>
  );
}
