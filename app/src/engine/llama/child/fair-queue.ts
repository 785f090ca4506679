export interface Queued {
  readonly person: string;
  readonly priority: 'answer' | 'side';
}

/** With so many, those who neither wait nor are served are forgotten; they start level with the others again. */
const maxPersons = 1024;

/**
 * Who is next: of those who wait, the person who was given the least so far, counted in tokens; whoever comes, or comes
 * back, starts at least at the least of those who wait or are served, so that nobody saves up a claim. Once nobody is
 * left, all start level again. Side work comes after all answers.
 */
export class FairQueue<T extends Queued> {
  readonly #waiting: T[] = [];
  /** Taken, and neither put back nor removed since. */
  readonly #served = new Set<T>();
  readonly #given = new Map<string, number>();

  get length(): number {
    return this.#waiting.length;
  }

  /** In the order in which they would be taken now. */
  inOrder(): T[] {
    const given = new Map(this.#given);
    const rest = [...this.#waiting];
    const order: T[] = [];
    while (rest.length > 0) {
      const next = best(rest, given);
      rest.splice(rest.indexOf(next), 1);
      // As if each had been given one turn.
      given.set(next.person, (given.get(next.person) ?? 0) + 1);
      order.push(next);
    }
    return order;
  }

  push(item: T): void {
    const present = new Set([...this.#waiting, ...this.#served].map(({ person }) => person));
    if (!present.has(item.person)) this.#welcome(item.person, present);
    this.#waiting.push(item);
  }

  #welcome(person: string, present: ReadonlySet<string>): void {
    if (present.size === 0) this.#given.clear();
    const given = (one: string): number => this.#given.get(one) ?? 0;
    const least = present.size === 0 ? 0 : Math.min(...[...present].map(given));
    this.#given.set(person, Math.max(given(person), least));
    if (this.#given.size <= maxPersons) return;
    for (const other of this.#given.keys())
      if (other !== person && !present.has(other)) this.#given.delete(other);
  }

  /** One that was taken and did not get done: it goes before the others of its person, as it did before. */
  putBack(item: T): void {
    this.#served.delete(item);
    this.#waiting.unshift(item);
  }

  /** Takes the next one that `mayStart`, unless it stands behind one that may not and may not be passed by it. */
  take(mayStart: (item: T) => boolean, mayBePassed: (item: T, by: T) => boolean = () => true): T | null {
    const ahead: T[] = [];
    const next = this.#waiting
      .toSorted((a, b) => compare(a, b, this.#given))
      .find((item) => {
        if (mayStart(item)) return ahead.every((other) => mayBePassed(other, item));
        ahead.push(item);
        return false;
      });
    if (next === undefined) return null;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    this.#served.add(next);
    // One turn even before any token, so that requests that arrive together alternate.
    this.charge(next.person, 1);
    return next;
  }

  /** Of one that is done, whether it was taken or not. */
  remove(item: T): void {
    this.#served.delete(item);
    const index = this.#waiting.indexOf(item);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  charge(person: string, tokens: number): void {
    this.#given.set(person, (this.#given.get(person) ?? 0) + tokens);
  }
}

/** The first of those who were given the least; answers before side work. */
function best<T extends Queued>(items: readonly T[], given: ReadonlyMap<string, number>): T {
  return items.reduce((first, next) => (compare(next, first, given) < 0 ? next : first));
}

function compare(a: Queued, b: Queued, given: ReadonlyMap<string, number>): number {
  const rank = (item: Queued): number => (item.priority === 'side' ? 1 : 0);
  return rank(a) - rank(b) || (given.get(a.person) ?? 0) - (given.get(b.person) ?? 0);
}
