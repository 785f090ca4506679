import { useState, type SubmitEvent } from 'react';
import { ApiError, signInNeeded } from './api/request.ts';
import { queryClient } from './api/queries.ts';
import { systemApi } from './api/resources.ts';
import { openSessions } from './state/sessions.ts';
import { strings } from './strings.ts';
import { Button } from './ui/button.tsx';
import { Dialog } from './ui/dialog.tsx';

/** Asks for the access key over whatever is on the page; what was typed stays under it. */
export function SignIn() {
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const key = new FormData(event.currentTarget).get('key');
    try {
      await systemApi.signIn(typeof key === 'string' ? key : '');
      signInNeeded.set(false);
      void queryClient.invalidateQueries();
      for (const session of openSessions()) void session.load();
    } catch (error) {
      const isRefused = error instanceof ApiError && error.status === 401;
      setProblem(isRefused ? strings.shell.signInRefused : (error as Error).message);
    }
  };
  return (
    <Dialog title={strings.shell.signIn} description={strings.shell.signInWhy}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <label className="form__field">
          {strings.shell.accessKey}
          <input name="key" type="password" className="field" autoComplete="current-password" required />
        </label>
        {problem && (
          <p role="alert" className="problem">
            {problem}
          </p>
        )}
        <Button kind="primary" type="submit">
          {strings.shell.signInButton}
        </Button>
      </form>
    </Dialog>
  );
}
