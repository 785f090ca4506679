/** One line of `corral doctor`. */
export interface Finding {
  subject: string;
  verdict: 'good' | 'note' | 'bad';
  /** What was found. */
  found: string;
  /** What to do; only where something should be done. */
  advice?: string;
}
