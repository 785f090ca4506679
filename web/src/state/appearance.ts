import { remembered } from '../ui/browser.ts';
import { createStore } from './store.ts';

export interface Appearance {
  theme: 'auto' | 'light' | 'dark';
  textSize: 'small' | 'normal' | 'large';
  motion: 'auto' | 'none';
  areShortcutsOn: boolean;
  isReadAloud: boolean;
}

const defaults: Appearance = {
  theme: 'auto',
  textSize: 'normal',
  motion: 'auto',
  areShortcutsOn: true,
  isReadAloud: false,
};

export const appearance = createStore<Appearance>({
  ...defaults,
  ...remembered.read<Partial<Appearance>>('appearance', {}),
});

/** Which of the two themes is shown. */
export const isDark = createStore(false);

/** The two grounds as `tokens.css` has them, for the frame of an installed page. */
const grounds = { light: '#fcfaf6', dark: '#171310' };

function apply(): void {
  const { theme, textSize, motion } = appearance.get();
  const isNight =
    theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  isDark.set(isNight);
  const { dataset } = document.documentElement;
  dataset['theme'] = isNight ? 'dark' : 'light';
  document
    .querySelector('meta[name="theme-color"]')
    ?.setAttribute('content', isNight ? grounds.dark : grounds.light);
  dataset['text'] = textSize;
  dataset['motion'] = motion;
}

export function setAppearance(change: Partial<Appearance>): void {
  appearance.set((state) => ({ ...state, ...change }));
}

export function startAppearance(): void {
  apply();
  appearance.subscribe(() => {
    remembered.write('appearance', appearance.get());
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
  addEventListener('storage', (event) => {
    if (event.key === 'corral.appearance')
      appearance.set({ ...defaults, ...remembered.read<Partial<Appearance>>('appearance', {}) });
  });
}
