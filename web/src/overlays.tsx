import type { Overlay } from './state/overlays.ts';
import { CompareView } from './transcript/compare-view.tsx';
import { ReceiptView } from './transcript/receipt-view.tsx';
import { ShortcutList } from './palette/shortcut-list.tsx';
import './styles/overlays.css';
import { later } from './ui/later.tsx';

const Palette = later(() => import('./palette/palette.tsx').then((module) => module.Palette));

/** What lies over the page; loaded when first wanted. */
export function Overlays({ shown, onClose }: { shown: Overlay; onClose: () => void }) {
  switch (shown.kind) {
    case 'receipt':
      return <ReceiptView runId={shown.runId} onClose={onClose} />;
    case 'compare':
      return <CompareView messageId={shown.messageId} onClose={onClose} />;
    case 'palette':
      return <Palette onClose={onClose} />;
    case 'shortcuts':
      return <ShortcutList onClose={onClose} />;
  }
}
