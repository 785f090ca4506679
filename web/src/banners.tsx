import { useEffect, useState } from 'react';
import { isStale } from './api/notices.ts';
import { useSystem } from './api/queries.ts';
import { streamClient } from './api/stream-client.ts';
import { useStore } from './state/store.ts';
import { strings } from './strings.ts';
import { remembered } from './ui/browser.ts';
import { Button } from './ui/button.tsx';

/** A short hiccup is nobody's business. */
const patienceMs = 2_000;

function useIsOffline(): boolean {
  const connection = useStore(streamClient.connection);
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (connection !== 'lost') return;
    const timer = setTimeout(() => setLong(true), patienceMs);
    return () => {
      clearTimeout(timer);
      setLong(false);
    };
  }, [connection]);
  return isLong;
}

/** What the server has to tell since its start, such as a damaged database that was replaced; until it is read. */
function SystemNotices() {
  const notices = useSystem().data?.notices ?? [];
  const [read, setRead] = useState(() => remembered.read<string[]>('readNotices', []));
  const unread = notices.filter((notice) => !read.includes(notice));
  if (unread.length === 0) return null;
  const markRead = (): void => {
    remembered.write('readNotices', notices);
    setRead(notices);
  };
  return (
    <div className="banner" role="status">
      <span>{unread.join(' ')}</span>
      <Button kind="quiet" onClick={markRead}>
        {strings.shell.noticesRead}
      </Button>
    </div>
  );
}

export function Banners() {
  return (
    <>
      <SystemNotices />
      <ConnectionBanner />
    </>
  );
}

function ConnectionBanner() {
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
