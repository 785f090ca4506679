import type { Plugin } from 'vite';
import { strings } from './src/strings.ts';

const words = new Map<string, unknown>(Object.entries(strings.composer));

/** Puts the words of the composer into the field that the HTML itself has: `{{send}}` becomes "Send". */
export function stringsInHtml(): Plugin {
  return {
    name: 'strings-in-html',
    transformIndexHtml: (html) =>
      html.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
        const word = words.get(name);
        if (typeof word !== 'string') throw new Error(`index.html asks for the word ${name}, which is none`);
        return word;
      }),
  };
}
