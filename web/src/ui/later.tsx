import { useEffect, useReducer, useState, type ComponentType, type ReactNode } from 'react';

export interface Later<Props> {
  (props: Props): ReactNode;
  /** Fetches the code before it is needed. */
  fetch(): Promise<void>;
}

/**
 * A part of the page whose code is fetched when it is first drawn, or before. What is here is drawn at once; React's
 * own `lazy` always shows the placeholder first, and takes it away no sooner than 300 ms later.
 */
export function later<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  placeholder: ReactNode = null,
): Later<Props> {
  let part: ComponentType<Props> | undefined;
  const fetch = async (): Promise<void> => {
    part = await load();
  };
  function Later(props: Props) {
    const [, drawAgain] = useReducer((count: number) => count + 1, 0);
    const [failure, setFailure] = useState<Error | null>(null);
    useEffect(() => {
      if (!part) fetch().then(drawAgain, setFailure);
    }, []);
    // The next boundary says it, and its button tries again.
    if (failure) throw failure;
    if (!part) return placeholder;
    const Part = part;
    return <Part {...props} />;
  }
  return Object.assign(Later, { fetch });
}
