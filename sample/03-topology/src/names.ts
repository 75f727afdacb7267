// What stands at the peer during one run, each name with the run's id in it.

export interface Names {
  /** A direct exchange that passes everything on to `orders`. */
  readonly intake: string;
  /** Topic exchange. */
  readonly orders: string;
  /** Fanout exchange. */
  readonly news: string;
  /** Headers exchange. */
  readonly offers: string;
  readonly queues: {
    readonly north: string;
    readonly placed: string;
    readonly everything: string;
    readonly screen: string;
    readonly archive: string;
    readonly redAndLarge: string;
    readonly redOrLarge: string;
  };
  /** A queue with a consumer that fails at first, and where its dead letters go. */
  readonly work: string;
  readonly dead: string;
}

export function namesOf(runId: string): Names {
  const name = (text: string): string => `topology-${runId}.${text}`;
  return {
    intake: name('intake'),
    orders: name('orders'),
    news: name('news'),
    offers: name('offers'),
    queues: {
      north: name('north'),
      placed: name('placed'),
      everything: name('everything'),
      screen: name('screen'),
      archive: name('archive'),
      redAndLarge: name('red-and-large'),
      redOrLarge: name('red-or-large'),
    },
    work: name('work'),
    dead: name('work.dead'),
  };
}

/** Without the run's id, for people to read. */
export function shortName(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}
