import { Component, type ReactNode } from 'react';
import { strings } from './strings.ts';
import { Button } from './ui/button.tsx';

export interface ErrorBoundaryProps {
  /** Of what it draws: another one is tried again. */
  name?: string;
  children: ReactNode;
}

interface State {
  isBroken: boolean;
  name: string | undefined;
}

/** What fails to draw says so, in its place; the rest of the page goes on. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, State> {
  override state: State = { isBroken: false, name: this.props.name };

  static getDerivedStateFromError(): Partial<State> {
    return { isBroken: true };
  }

  static getDerivedStateFromProps({ name }: ErrorBoundaryProps, state: State): State | null {
    return name === state.name ? null : { isBroken: false, name };
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
