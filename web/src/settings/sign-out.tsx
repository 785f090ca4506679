import { useSession } from '../api/queries.ts';
import { systemApi } from '../api/resources.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { attempt } from '../ui/problems.ts';

const words = viewStrings.settings;

/** For a browser that others use as well. Where no key was asked for there is nothing to end. */
export function SignOut() {
  const session = useSession().data;
  if (session?.by !== 'cookie') return null;
  const signOut = async (): Promise<void> => {
    await systemApi.signOut();
    // Nothing of the chats stays on the screen or in memory: what comes is the page that asks for the key.
    location.reload();
  };
  return (
    <div className="view__section">
      <h3>{words.signOut}</h3>
      <p className="soft">{words.signOutNote}</p>
      <Button onClick={() => attempt(signOut)}>{words.signOut}</Button>
    </div>
  );
}
