import { Component, type ReactNode } from 'react';
import { strings } from './strings.ts';
import { Button } from './ui/button.tsx';

/** What fails to draw says so, in its place; the rest of the page goes on. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true };
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children;
    return (
      <div className="notice-page" role="alert">
        <p>{strings.shell.crashed}</p>
        <p className="soft">{strings.shell.crashedWhat}</p>
        <Button onClick={() => location.reload()}>{strings.shell.reload}</Button>
      </div>
    );
  }
}
